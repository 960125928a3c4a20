// Package filled makes sockets whose fields are all known, for tests that must
// check every field of package tcp. It finds the fields by reflection.
package filled

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"tcpstate/tcp"
)

// Socket returns an established socket whose fields are all known.
func Socket() *tcp.Socket {
	s := &tcp.Socket{State: tcp.Established, Family: tcp.IPv4, Timer: tcp.Timer{Kind: tcp.TimerOn}, Info: &tcp.Info{Len: infoLen}}
	Fill(s)
	return s
}

// infoLen is more than the length of any kernel's struct tcp_info.
const infoLen = 1 << 16

// Fill gives a value to each field of s that is zero or unknown, except for the
// fields that mark other fields as unknown: Info.Listener, Info.Connecting and
// Connection.Listener.
func Fill(s *tcp.Socket) {
	for _, l := range Leaves(s) {
		if l.value.IsZero() && l.Path != "Info.Listener" && l.Path != "Info.Connecting" && l.Path != "Connection.Listener" {
			l.Change()
		}
	}
}

// Leaf is a field that holds a value itself.
type Leaf struct {
	Path string // below tcp.Socket, such as "Extended.TLS.Version"

	value  reflect.Value
	commit func() // stores the value in the tcp.Optional from which it was copied
}

// Leaves returns the leaves of s. It enters structures behind pointers and in a
// tcp.Optional, and creates them if they do not exist. A list is one leaf.
func Leaves(s *tcp.Socket) []Leaf { return leaves(reflect.ValueOf(s).Elem(), "", func() {}) }

func leaves(v reflect.Value, path string, commit func()) (list []Leaf) {
	switch inner := inside(v); {
	case v.Kind() == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return leaves(v.Elem(), path, commit)
	case inner.IsValid() && inner.Kind() == reflect.Struct:
		return leaves(inner, path, func() { know(v, inner); commit() })
	case v.Kind() == reflect.Struct && !inner.IsValid() && strings.HasPrefix(v.Type().PkgPath(), "tcpstate/"):
		for i := range v.NumField() {
			list = append(list, leaves(v.Field(i), strings.TrimPrefix(path+"."+v.Type().Field(i).Name, "."), commit)...)
		}
		return list
	}
	return []Leaf{{path, v, commit}}
}

// inside returns a copy of the value in a tcp.Optional, and the zero Value for
// any other type.
func inside(v reflect.Value) reflect.Value {
	if !strings.HasPrefix(v.Type().Name(), "Optional[") {
		return reflect.Value{}
	}
	inner := v.MethodByName("Get").Call(nil)[0]
	copied := reflect.New(inner.Type()).Elem()
	copied.Set(inner)
	return copied
}

// know sets an Optional to a known value.
func know(optional, inner reflect.Value) {
	text, err := json.Marshal(plain(inner))
	if err == nil {
		err = json.Unmarshal(text, optional.Addr().Interface())
	}
	if err != nil {
		panic(fmt.Sprintf("filled: %s: %v", optional.Type(), err))
	}
}

// plain returns a number without the methods that would format it as text.
func plain(v reflect.Value) any {
	if v.CanUint() {
		return v.Uint()
	}
	return v.Interface()
}

// Change gives the leaf a different value. A leaf that was unknown becomes
// known.
func (l *Leaf) Change() {
	if inner := inside(l.value); inner.IsValid() {
		change(inner)
		know(l.value, inner)
	} else {
		change(l.value)
	}
	l.commit()
}

func change(v reflect.Value) {
	switch old := v.Interface().(type) {
	case netip.AddrPort:
		addr := netip.MustParseAddr("192.0.2.1")
		if old.IsValid() {
			addr = old.Addr().Next()
		}
		v.Set(reflect.ValueOf(netip.AddrPortFrom(addr, old.Port()+1)))
		return
	case []tcp.Process:
		v.Set(reflect.ValueOf(append(old, tcp.Process{PID: len(old) + 1, FD: 3, Name: "text", UID: tcp.Known[uint32](7),
			User: "text", Exe: "text", Cmdline: []string{"text"}})))
		return
	case []tcp.MD5Key:
		v.Set(reflect.ValueOf(append(old, tcp.MD5Key{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Length: 7})))
		return
	case time.Duration:
		v.SetInt(int64(old + 7*time.Second))
		return
	}
	switch {
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "text")
	default:
		panic(fmt.Sprintf("filled: package filled cannot change a %s: teach it how", v.Type()))
	}
}
