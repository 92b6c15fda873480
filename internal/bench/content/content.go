// Package content tells whether two programs made the same of the same rows.
package content

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/big"
	"os"
)

// Sum is what a number of JSON objects hold together, whatever their order,
// the order of their members, and the spelling of strings and numbers.
type Sum struct {
	Objects int
	Hash    uint64
}

// Add adds an object.
func (s *Sum) Add(object []byte) error {
	d := json.NewDecoder(bytes.NewReader(object))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("not a JSON object: %w: %.80q", err, object)
	}
	normal, err := json.Marshal(normalised(v)) // with sorted names
	if err != nil {
		return err
	}
	h := fnv.New64a()
	h.Write(normal)
	s.Objects++
	s.Hash += h.Sum64()
	return nil
}

// normalised has numbers by their value. Numbers of DynamoDB JSON are strings.
func normalised(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Rat).SetString(v.String()); ok {
			return json.RawMessage(`{"number":"` + n.RatString() + `"}`)
		}
	case map[string]any:
		for name, member := range v {
			v[name] = normalised(member)
		}
	case []any:
		for i, element := range v {
			v[i] = normalised(element)
		}
	}
	return v
}

// OfLines is the sum of a file of JSON lines.
func OfLines(path string) (Sum, error) {
	var s Sum
	err := lines(path, s.Add)
	return s, err
}

// CountLines is the number of lines of a file, all of which are whole.
func CountLines(path string) (n int, err error) {
	err = lines(path, func([]byte) error {
		n++
		return nil
	})
	return n, err
}

func lines(path string, each func([]byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%s: the last line is not ended", path)
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := each(line); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
}
