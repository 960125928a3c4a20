package render

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// These tests compare the append encoder, which the program uses, with
// encoding/json applied to the table of fields. That way is slow but easy to
// read. Elements of lists have tagged structures here.

type processJSON struct {
	PID     int                  `json:"pid"`
	Name    label                `json:"name"`
	FD      int                  `json:"fd"`
	FDs     []int                `json:"fds,omitempty"`
	UID     tcp.Optional[uint32] `json:"uid,omitzero"`
	User    label                `json:"user,omitzero"`
	Exe     label                `json:"exe,omitzero"`
	Cmdline []label              `json:"cmdline,omitempty"`
}

type md5KeyJSON struct {
	Prefix   netip.Prefix `json:"prefix"`
	KeyBytes uint16       `json:"key_bytes"`
}

// object is a JSON object whose keys keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		text, err := marshal(m.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, strconv.Quote(m.key)...), ':'), text...)
	}
	return append(b, '}'), nil
}

// put adds a member. A name with dots puts it into nested objects.
func (o object) put(name string, value any) object {
	key, rest, nested := strings.Cut(name, ".")
	if !nested {
		return append(o, member{name, value})
	}
	if last := len(o) - 1; last >= 0 && o[last].key == key {
		o[last].value = o[last].value.(object).put(rest, value)
		return o
	}
	return append(o, member{key, object{}.put(rest, value)})
}

// marshalSocket returns the JSON with which appendSocket must agree.
func marshalSocket(s *tcp.Socket) ([]byte, error) {
	var o object
	for i := range fields.All {
		if value, known := jsonValue(&fields.All[i], s); known {
			o = o.put(fields.All[i].Name, value)
		}
	}
	return marshal(o)
}

// jsonValue returns the value of a field as a value for encoding/json.
func jsonValue(f *fields.Field, s *tcp.Socket) (value any, known bool) {
	if f.Kind == fields.Address {
		object, _ := f.Object()
		return label(addressText(f.Address(s))), fields.Named(object + ".port").Get(s).Known
	}
	v := f.Get(s)
	switch f.Kind {
	case fields.Number:
		value = v.N
	case fields.Boolean:
		value = v.N == 1
	case fields.Duration:
		value = time.Duration(v.N).Milliseconds()
		if f.Unit() == fields.Microseconds {
			value = time.Duration(v.N).Microseconds()
		}
	case fields.Cookie:
		value = tcp.Cookie(v.N)
	case fields.Enum:
		value = v.Text
	case fields.Text, fields.User, fields.LongID:
		value = label(v.Text)
	case fields.Flags:
		names := []string{}
		for bit, name := range f.Bits {
			if v.N&(1<<bit) != 0 {
				names = append(names, name)
			}
		}
		value = names
	case fields.Processes:
		value = processesJSON(f.Processes(s))
	case fields.Networks:
		var keys []md5KeyJSON
		if s.Extended != nil {
			for _, key := range s.Extended.MD5Keys {
				keys = append(keys, md5KeyJSON{key.Prefix, key.Length})
			}
		}
		value = keys
	default:
		panic(fmt.Sprintf("this test does not know the kind %d of %s", f.Kind, f.Name))
	}
	return value, v.Known
}

func processesJSON(processes []tcp.Process) (list []processJSON) {
	for _, p := range processes {
		j := processJSON{PID: p.PID, Name: label(p.Name), FD: p.FD, FDs: p.FDs, UID: p.UID, User: label(p.User), Exe: label(p.Exe)}
		for _, argument := range p.Cmdline {
			j.Cmdline = append(j.Cmdline, label(argument))
		}
		list = append(list, j)
	}
	return list
}

// addressText returns an empty text for the zero address.
func addressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// TestPromisesAreKept compares sockets with lines that an earlier version
// wrote. New fields may be added, but no field may be renamed or have another
// type or value.
func TestPromisesAreKept(t *testing.T) {
	promised, err := os.ReadFile("testdata/promised.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSpace(promised), []byte("\n"))
	for i, s := range []*tcp.Socket{listener(), established(), timeWait(), full()} {
		var kept func(name string, was, is any)
		kept = func(name string, was, is any) {
			switch was := was.(type) {
			case map[string]any:
				is, _ := is.(map[string]any)
				for key, value := range was {
					kept(name+"."+key, value, is[key])
				}
			case []any:
				is, _ := is.([]any)
				for j, value := range was {
					if j >= len(is) {
						t.Errorf("line %d: %s has %d elements, want %d", i+1, name, len(is), len(was))
						return
					}
					kept(name+"[]", value, is[j])
				}
			default:
				if was != is {
					t.Errorf("line %d: %s is %v, want %v", i+1, name, is, was)
				}
			}
		}
		kept("", decode(t, lines[i]), decode(t, appendSocket(nil, s)))
	}
}
