package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// sizes are the sizes of the types in the kernel's structures.
var sizes = map[string]int{"uint8": 1, "uint16": 2, "uint32": 4, "uint64": 8}

// infoEnds reads the declaration of the kernel's struct tcp_info. It returns
// for each field of tcp.Info the offset of the byte after the field. A field of
// the structure fills the field of tcp.Info with the same name, or the fields
// that its tag names: `info:"SendWindowScale,RecvWindowScale"`. The tag "-"
// means no field.
func infoEnds(file string) (map[string]int, error) {
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	declared := source.Scope.Lookup("tcpInfo")
	if declared == nil {
		return nil, fmt.Errorf("%s does not declare tcpInfo", file)
	}
	structure, ok := declared.Decl.(*ast.TypeSpec).Type.(*ast.StructType)
	if !ok {
		return nil, fmt.Errorf("%s: tcpInfo is no structure", file)
	}
	ends, offset := map[string]int{}, 0
	for _, field := range structure.Fields.List {
		name := field.Names[0].Name
		typ, _ := field.Type.(*ast.Ident)
		if typ == nil || sizes[typ.Name] == 0 {
			return nil, fmt.Errorf("%s: tcpInfo.%s is no unsigned integer", file, name)
		}
		if size := sizes[typ.Name]; offset%size != 0 {
			return nil, fmt.Errorf("%s: tcpInfo.%s is at byte %d, which is no multiple of its size", file, name, offset)
		}
		offset += sizes[typ.Name]
		fills := name
		if field.Tag != nil {
			tag, err := strconv.Unquote(field.Tag.Value)
			if err != nil {
				return nil, err
			}
			fills = reflect.StructTag(tag).Get("info")
		}
		for fill := range strings.SplitSeq(fills, ",") {
			ends[fill] = offset
		}
	}
	return ends, nil
}
