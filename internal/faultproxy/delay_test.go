package faultproxy

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatencyAndJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		x := &exchange{in: r, rng: numbers(), config: Config{Latency: 5 * time.Millisecond, Jitter: 5 * time.Millisecond}}
		seen := map[time.Duration]bool{}
		for range 50 {
			before := time.Now()
			if !x.delay() {
				t.Fatal("given up")
			}
			d := time.Since(before)
			if d < 5*time.Millisecond || d >= 10*time.Millisecond {
				t.Errorf("waited %s", d)
			}
			seen[d] = true
		}
		if len(seen) < 40 {
			t.Errorf("%d different times of 50", len(seen))
		}
	})
}

func TestDelayEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		x := &exchange{in: r, rng: numbers(), config: Config{Latency: time.Hour}}
		before := time.Now()
		if x.delay() || time.Since(before) != time.Second {
			t.Errorf("waited %s", time.Since(before))
		}
	})
}
