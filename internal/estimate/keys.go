package estimate

import (
	"strings"

	"github.com/dynapipe/dynapipe/internal/attr"
	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// mostKeys partition keys are told apart.
const mostKeys = 100_000

// keys is which partitions writes go to, in the order in which they do.
type keys struct {
	rows   int64
	counts map[string]int64
	many   bool // more than are told apart

	run     int64   // writes of the key at hand that follow each other
	squares float64 // of the lengths of runs before
	last    string
	scratch []byte
	texts   map[string]string // of keys, to be shown
}

// add counts a write in.
func (k *keys) add(key *delivery.Key) {
	if k.counts == nil {
		k.counts, k.texts = map[string]int64{}, map[string]string{}
	}
	k.rows++
	partition := key.Values()[0]
	k.scratch = attr.KeyBytes(k.scratch[:0], partition)
	if string(k.scratch) == k.last && k.run > 0 {
		k.run++
	} else {
		k.squares += float64(k.run) * float64(k.run)
		k.run, k.last = 1, string(k.scratch)
	}
	if _, known := k.counts[k.last]; !known {
		if len(k.counts) == mostKeys {
			k.many = true
			return
		}
		k.texts[k.last] = strings.Clone(partition.Text())
		if partition.Kind() == attr.Binary {
			k.texts[k.last] = "a binary value"
		}
	}
	k.counts[k.last]++
}

// hottest is the key that most writes go to, and their share.
func (k *keys) hottest() (text string, share float64) {
	var most int64
	for key, n := range k.counts {
		if n > most || n == most && k.texts[key] < text {
			most, text = n, k.texts[key]
		}
	}
	return text, float64(most) / float64(max(k.rows, 1))
}

// typicalRun is how many writes of one key follow each other, as a write sees it.
func (k *keys) typicalRun() float64 {
	return (k.squares + float64(k.run)*float64(k.run)) / float64(max(k.rows, 1))
}
