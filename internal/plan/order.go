package plan

import (
	"slices"
)

// Order puts nodes so that each comes after all it reads from, and otherwise
// in the order given. The nodes of cycles, and those after them, are left out;
// each cycle is named by a walk along the rows' way, without repeating its
// first node.
func Order(nodes []*Node) (ordered []*Node, cycles [][]*Node) {
	placed := map[*Node]bool{}
	ready := func(n *Node) bool {
		return !placed[n] && !slices.ContainsFunc(n.Inputs, func(in Input) bool { return !placed[in.From] })
	}
	for {
		i := slices.IndexFunc(nodes, ready)
		if i < 0 {
			break
		}
		placed[nodes[i]] = true
		ordered = append(ordered, nodes[i])
	}
	inCycle := map[*Node]bool{}
	for _, n := range nodes {
		if placed[n] || inCycle[n] {
			continue
		}
		if walk := walkBack(n, n, map[*Node]bool{}); walk != nil && !slices.ContainsFunc(walk, func(n *Node) bool { return inCycle[n] }) {
			cycles = append(cycles, walk)
			for _, m := range walk {
				inCycle[m] = true
			}
		}
	}
	return ordered, cycles
}

// walkBack is a way from goal to n along the rows, goal first and n last; nil
// when there is none. Each node is tried once.
func walkBack(n, goal *Node, tried map[*Node]bool) []*Node {
	for _, in := range n.Inputs {
		if in.From == goal {
			if n == goal {
				return []*Node{goal}
			}
			return []*Node{goal, n}
		}
		if tried[in.From] {
			continue
		}
		tried[in.From] = true
		if walk := walkBack(in.From, goal, tried); walk != nil && n != goal {
			return append(walk, n)
		} else if walk != nil {
			return walk
		}
	}
	return nil
}
