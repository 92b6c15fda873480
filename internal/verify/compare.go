package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/dynapipe/dynapipe/internal/dynamo/delivery"
)

// maxHeld is how many keys are in memory at once: a bucket with more of them is
// divided first. A key takes some 120 bytes.
const maxHeld = 1 << 18

// comparison goes through the buckets of both sides. What it holds is the keys
// of one bucket and the differences that are listed.
type comparison struct {
	dir     string
	targets []*target
	places  *places
	sampler *sampler
	most    int // differences to list
	held    int // keys in memory

	listed []Difference // by key sum: the least of them, whatever came first
	splits int
	keys   bucketKeys
}

// bucketKeys are the keys that a bucket expects.
type bucketKeys struct {
	at    map[sum]int32
	heads []head
	rows  []candidate
}

// head is a key.
type head struct {
	key    sum
	first  int32 // of its candidates
	target uint64
	found  int32 // items or rows that there are
}

// candidate is a row that may be the last of its key: the last one of its sink
// and partition. Between those no order is promised (promise 4 is for the rows
// of one source), so that any of them may have won.
type candidate struct {
	digest sum
	node   uint64
	place  uint64
	offset int64 // of the entry in its file
	fate   delivery.Fate
	next   int32 // of the same key; -1 for none
	count  int32 // of rows, in a target without keys
}

// run compares all buckets of two spills.
func (c *comparison) run(ctx context.Context, expected, found *spill) error {
	for i := range fanOut {
		if err := c.bucket(ctx, expected.buckets[i].path, found.buckets[i].path, 0); err != nil {
			return err
		}
	}
	return nil
}

// bucket compares two files and removes them.
func (c *comparison) bucket(ctx context.Context, expected, found string, level int) error {
	fits, err := c.load(ctx, expected, level)
	if err != nil {
		return err
	}
	if !fits {
		return c.divide(ctx, expected, found, level+1)
	}
	if err := c.meet(ctx, found); err != nil {
		return err
	}
	if err := c.rest(expected); err != nil {
		return err
	}
	return errors.Join(remove(expected), remove(found))
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return temporary(err)
	}
	return nil
}

// divide makes buckets of a bucket.
func (c *comparison) divide(ctx context.Context, expected, found string, level int) error {
	c.splits++
	name := fmt.Sprintf("%d-%d", level, c.splits)
	e, f := newSpill(c.dir, name+"-expected", level), newSpill(c.dir, name+"-found", level)
	for _, side := range []struct {
		path string
		to   *spill
	}{{expected, e}, {found, f}} {
		err := each(ctx, side.path, func(_ *reading, x *entry) error { return side.to.add(x) })
		if err = errors.Join(err, side.to.close(), remove(side.path)); err != nil {
			return err
		}
	}
	for i := range fanOut {
		if err := c.bucket(ctx, e.buckets[i].path, f.buckets[i].path, level); err != nil {
			return err
		}
	}
	return nil
}

// each goes through the entries of a file.
func each(ctx context.Context, path string, do func(*reading, *entry) error) (err error) {
	r, err := openBucket(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	var e entry
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		switch err := r.next(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := do(r, &e); err != nil {
			return err
		}
	}
}

var errTooMany = errors.New("more keys than are held")

// load reads the expected keys of a bucket. It reports false when there are too
// many of them to hold.
func (c *comparison) load(ctx context.Context, path string, level int) (fits bool, err error) {
	k := &c.keys
	if k.at == nil {
		k.at = map[sum]int32{}
	}
	clear(k.at)
	k.heads, k.rows = k.heads[:0], k.rows[:0]
	err = each(ctx, path, func(r *reading, e *entry) error {
		if !c.sampler.has(e.key) {
			return nil
		}
		c.expect(e, r.at)
		if len(k.rows) > c.held && len(k.at) > 1 && level < maxLevel-1 {
			return errTooMany
		}
		return nil
	})
	if errors.Is(err, errTooMany) {
		return false, nil
	}
	return true, err
}

// expect takes an expected entry in.
func (c *comparison) expect(e *entry, offset int64) {
	k := &c.keys
	i, known := k.at[e.key]
	if !known {
		i = int32(len(k.heads))
		k.at[e.key] = i
		k.heads = append(k.heads, head{key: e.key, first: -1, target: e.target})
	}
	h := &k.heads[i]
	row := candidate{digest: e.digest, node: e.node, place: e.place, offset: offset, fate: e.fate, next: h.first, count: 1}
	for at := h.first; at >= 0; at = k.rows[at].next {
		other := &k.rows[at]
		if other.node != e.node || other.place != e.place {
			continue
		}
		// Last write wins, in the order that rows came in (promise 4).
		row.next, row.count = other.next, other.count+1
		if e.alone {
			row.fate = delivery.IsUnknown
		}
		*other = row
		return
	}
	h.first = int32(len(k.rows))
	k.rows = append(k.rows, row)
}

// meet holds what was found against what was expected.
func (c *comparison) meet(ctx context.Context, path string) error {
	return each(ctx, path, func(_ *reading, e *entry) error {
		t := c.targets[e.target]
		t.report.Found++
		i, known := c.keys.at[e.key]
		if !known {
			t.report.Extra++
			if t.report.ExtraAllowed == "" {
				c.list(t, KindExtra, e.key, e.text)
			}
			return nil
		}
		h := &c.keys.heads[i]
		h.found++
		if t.files == nil {
			c.judge(t, h, e)
			return nil
		}
		// Rows of files have no key: as many of each as are expected.
		if h.found <= c.keys.rows[h.first].count {
			t.report.Expected++
			t.report.Equal++
			return nil
		}
		t.report.Extra++
		if t.report.ExtraAllowed == "" {
			c.list(t, KindExtra, e.key, e.text)
		}
		return nil
	})
}

// judge compares an item that was found with the rows of its key.
func (c *comparison) judge(t *target, h *head, e *entry) {
	var puts, unknown, equal bool
	for at := h.first; at >= 0; at = c.keys.rows[at].next {
		row := &c.keys.rows[at]
		puts = puts || row.fate == delivery.IsPut
		unknown = unknown || row.fate == delivery.IsUnknown
		equal = equal || row.fate == delivery.IsPut && row.digest == e.digest
	}
	switch {
	case unknown:
		t.report.NotCompared++
	case equal:
		t.report.Expected++
		t.report.Equal++
	case puts:
		t.report.Expected++
		t.report.Different++
		c.list(t, KindDifferent, e.key, e.text)
	default:
		t.report.NotDeleted++
		c.list(t, KindNotDeleted, e.key, e.text)
	}
}

// rest says what becomes of keys that were not found.
func (c *comparison) rest(path string) (err error) {
	r, err := openBucket(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	for i := range c.keys.heads {
		h := &c.keys.heads[i]
		t := c.targets[h.target]
		if t.files != nil {
			if n := int64(c.keys.rows[h.first].count - h.found); n > 0 {
				t.report.Expected += n
				t.report.Missing += n
				c.list(t, KindMissing, h.key, nil)
			}
			continue
		}
		if h.found > 0 {
			continue
		}
		fates := [4]bool{}
		for at := h.first; at >= 0; at = c.keys.rows[at].next {
			fates[c.keys.rows[at].fate] = true
		}
		switch {
		case fates[delivery.IsUnknown]:
			t.report.NotCompared++
		case fates[delivery.IsDeleted]:
			t.report.Absent++
		default:
			t.report.Expected++
			t.report.Missing++
			if c.lists(h.key) {
				var e entry
				if err := r.read(c.keys.rows[h.first].offset, &e); err != nil {
					return err
				}
				c.list(t, KindMissing, h.key, e.text)
			}
		}
	}
	return c.locate(r)
}

// locate finds where the rows came from whose differences this bucket added.
func (c *comparison) locate(r *reading) error {
	for i := range c.listed {
		d := &c.listed[i]
		at, here := c.keys.at[d.key]
		if !here || d.wants != nil || d.Kind == KindExtra || d.owner.files != nil {
			continue
		}
		for row := c.keys.heads[at].first; row >= 0; row = c.keys.rows[row].next {
			var e entry
			if err := r.read(c.keys.rows[row].offset, &e); err != nil {
				return err
			}
			d.wants = append(d.wants, place{c.places.at(e.place), e.pos, e.node})
		}
		d.Origin = d.wants[0].String()
		if n := len(d.wants); n > 1 {
			d.Origin += fmt.Sprintf(" or %s", d.wants[n-1])
		}
	}
	return nil
}

// lists reports that a difference at a key would be listed.
func (c *comparison) lists(key sum) bool {
	return len(c.listed) < c.most || c.most > 0 && compareSums(key, c.listed[len(c.listed)-1].key) < 0
}

// list lists a difference, if it is among the first by their sums, which are
// the same however the rows came.
func (c *comparison) list(t *target, kind string, key sum, text []byte) {
	if !c.lists(key) {
		return
	}
	at, _ := slices.BinarySearchFunc(c.listed, key, func(d Difference, k sum) int { return compareSums(d.key, k) })
	c.listed = slices.Insert(c.listed, at, Difference{
		Target: t.report.Target, Kind: kind, Key: slices.Clone(text), key: key, owner: t,
	})
	c.listed = c.listed[:min(len(c.listed), c.most)]
}

func compareSums(a, b sum) int { return slices.Compare(a[:], b[:]) }

// differences are those listed, in an order for people.
func (c *comparison) differences() []Difference {
	slices.SortStableFunc(c.listed, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.owner.number, b.owner.number), cmp.Compare(a.Kind, b.Kind), cmp.Compare(string(a.Key), string(b.Key)))
	})
	return c.listed
}

// newTemp is a folder of our own for temporary files.
func newTemp() (string, error) {
	dir, err := os.MkdirTemp("", "dynapipe-verify-")
	if err != nil {
		return "", temporary(err)
	}
	return filepath.Clean(dir), nil
}
