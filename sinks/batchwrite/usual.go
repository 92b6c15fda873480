package batchwrite

import (
	"sync"

	"github.com/dynapipe/dynapipe/internal/deliver"
)

// maxUsual bounds the answers that are remembered, and maxUsualBytes each.
const (
	maxUsual      = 64
	maxUsualBytes = 512
)

// usualAnswers remembers answers that give nothing back. Most are the same to
// the letter: all was taken, by so many units of one table.
type usualAnswers struct {
	mu    sync.RWMutex
	known map[usualKey]deliver.Answer
}

// usualKey is an answer's text, and what the rows of the request call their
// table, which an answer may spell otherwise.
type usualKey struct{ table, text string }

// find is what a text was read as before, for a request to one table. The
// answer is shared: nobody changes it.
func (u *usualAnswers) find(text []byte, rows []*deliver.Row) (a deliver.Answer, known bool) {
	table, one := tableOf(rows)
	if !one || len(text) > maxUsualBytes {
		return a, false
	}
	u.mu.RLock()
	defer u.mu.RUnlock()
	a, known = u.known[usualKey{table, string(text)}]
	return a, known
}

func (u *usualAnswers) keep(text []byte, rows []*deliver.Row, a deliver.Answer) {
	table, one := tableOf(rows)
	if !one || len(text) > maxUsualBytes {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.known == nil || len(u.known) >= maxUsual {
		u.known = map[usualKey]deliver.Answer{}
	}
	u.known[usualKey{table, string(text)}] = a
}

// tableOf is the table of all rows, if there is one. Those of a table stand
// together.
func tableOf(rows []*deliver.Row) (string, bool) {
	first, last := rows[0].Table, rows[len(rows)-1].Table
	return first, first == last
}
