package tcp

// Counts is the number of sockets in each state. In the zero Counts all are 0.
type Counts [NumStates + 1]int

// Add counts one socket in state s.
func (c *Counts) Add(s State) { c[s]++ }

// Of returns how many sockets are in state s.
func (c *Counts) Of(s State) int { return c[s] }

// Total returns how many sockets there are in all states.
func (c *Counts) Total() int {
	total := 0
	for _, n := range c {
		total += n
	}
	return total
}

// AddAll adds the numbers of other.
func (c *Counts) AddAll(other *Counts) {
	for s, n := range other {
		c[s] += n
	}
}
