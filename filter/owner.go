package filter

import (
	"slices"
	"strconv"
	"strings"

	"tcpstate/fields"
	"tcpstate/tcp"
)

// userTerm tests the user who owns the socket.
type userTerm struct {
	plain
	uids  []uint32
	names []string // the users in uids, as the user wrote them
	not   bool
}

func parseUsers(p *parser, k *kind) (node, error) {
	list, not, err := p.equalTo(k)
	if err != nil {
		return nil, err
	}
	t := userTerm{not: not}
	for _, v := range list {
		uid, err := p.user(k, v)
		if err != nil {
			return nil, err
		}
		t.uids, t.names = append(t.uids, uid), append(t.names, v.text)
	}
	return p.leaf(t), nil
}

// user reads a user ID, or looks up a name.
func (p *parser) user(k *kind, v value) (uint32, error) {
	if isNumber(v.text) {
		uid, err := strconv.ParseUint(v.text, 10, 32)
		if err != nil {
			return 0, p.refuse(k, v, "filter.no-user-id")
		}
		return uint32(uid), nil
	}
	if p.names.User == nil {
		return 0, p.refuse(k, v, "filter.no-user-names")
	}
	uid, ok := p.names.User(v.text)
	if !ok {
		return 0, p.refuse(k, v, "filter.no-user")
	}
	return uid, nil
}

func (t userTerm) String() string {
	names := make([]string, len(t.names))
	for i, name := range t.names {
		names[i] = Literal(name)
	}
	return "user " + equality(t.not).String() + " " + strings.Join(names, ",")
}

func (t userTerm) negated() term { t.not = !t.not; return t }
func (t userTerm) field() string { return fields.ForFilter("user").Name }

func (t userTerm) states() tcp.StateSet { return fields.ForFilter("user").CanBeKnownIn() }

func (t userTerm) match() matcher {
	return func(s *tcp.Socket) bool {
		uid, known := s.Owner.UID.Get()
		return known && slices.Contains(t.uids, uid) != t.not
	}
}
