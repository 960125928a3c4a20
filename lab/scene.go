package lab

import (
	"slices"
	"strconv"
	"strings"

	"tcpstate/wording"
)

// inside begins the last argument of a program that Enter runs.
const inside = "tcpstate-lab:inside"

// Set is a parameter of a network namespace and its value.
type Set struct {
	Name  string
	Value int
}

// Entered reports whether the last argument says that Enter has run this program. It
// returns the other arguments, and the clocks of the host.
func Entered(args []string) (others []string, clocks []Set, yes bool) {
	if len(args) == 0 || !strings.HasPrefix(args[len(args)-1], inside) {
		return args, nil, false
	}
	arrive()
	list := strings.Split(args[len(args)-1], ",")
	for _, word := range list[1:] {
		name, text, _ := strings.Cut(word, "=")
		if value, err := strconv.Atoi(text); err == nil {
			clocks = append(clocks, Set{name, value})
		}
	}
	return args[:len(args)-1], clocks, true
}

// Options say how a scene is played.
type Options struct {
	// Clocks are the settings of this host. The hosts of the scene get those that
	// they do not have, and the run has a step for each.
	Clocks []Set

	// Fast lowers the settings of the namespaces that make clocks slow. The run has
	// a step for each.
	Fast bool

	// Capture receives every frame when it is on the wire; nil: none.
	Capture *Capture

	// Stay is called at the end of the scene, while its sockets are there; nil: the
	// sockets end with the scene.
	Stay func(Places) error

	// witness is called in the namespace of the wire for each link of it; a test
	// then captures what is on the link. nil: none.
	witness func(side Side, link string) error
}

// Places are the hosts of a scene that has ended.
type Places struct {
	// Here runs a function in the namespace of the host Here. Commands that it
	// starts run there.
	Here func(func() error) error
	// The files of the two namespaces, for setns(2) and nsenter(1).
	HerePath, TherePath string
}

// Title returns a line that says what the scene shows.
func (s *Scene) Title() wording.Message { return wording.Say(s.title) }

// Find returns the scene with a name. It takes any case, blanks for hyphens, and
// words that say nothing: "lose the third ACK" is lose-third-ack.
func Find(name string) (*Scene, error) {
	wanted := simple(name)
	var names []string
	for _, s := range Scenes() {
		if simple(s.Name) == wanted || slices.ContainsFunc(s.also, func(other string) bool { return simple(other) == wanted }) {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, wording.Fail("lab.unknown", "name", name).WithChoices(strings.ReplaceAll(strings.ToLower(name), " ", "-"), names...)
}

// simple returns a name as it is compared.
func simple(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == ' ' || r == '-' || r == '_' || r == '+' })
	words = slices.DeleteFunc(words, func(word string) bool { return word == "the" || word == "a" || word == "of" })
	return strings.Join(words, "")
}
