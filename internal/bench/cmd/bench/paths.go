package main

import (
	"path/filepath"

	"github.com/dynapipe/dynapipe/internal/bench"
)

// absolute has paths that hold in any folder: programs run in that of their
// input.
func absolute(o bench.Options) (bench.Options, error) {
	for _, path := range []*string{&o.Dynapipe, &o.Base, &o.Profiled, &o.Profiles, &o.DuckDB, &o.Module, &o.Dir} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return o, err
		}
	}
	return o, nil
}
