package progress_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/dynapipe/dynapipe/internal/progress"
)

func TestMeterCounts(t *testing.T) {
	var mu sync.Mutex
	var heard []progress.Request
	m := progress.NewMeter("sink.a.b", func(r progress.Request) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, r)
	})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			m.Requested(progress.Request{Number: 1, Attempt: 1, Unprocessed: 2})
			m.Requested(progress.Request{Number: 1, Attempt: 2, Throttled: true, Reason: "Hot", Resource: "t"})
			m.Split()
			m.Capacity("t", "", 1.5)
			m.Capacity("t", "i", 0.5)
			m.Capacity("s", "", 1)
			m.Warn("b", "second")
			m.Warn("a", "first")
			m.Read(7)
		})
	}
	group.Wait()
	m.Warn("a", "not kept")
	m.Total(70, 10)
	m.Requested(progress.Request{Number: 2, Attempt: 1, Throttled: true, Reason: "Other"})
	want := progress.Snapshot{
		Requests: 21, Retries: 10, Throttles: 11, Unprocessed: 20, Splits: 10, BytesRead: 70, BytesTotal: 70, RowsTotal: 10,
		ThrottleReasons: []progress.Throttle{{Reason: "Hot", Resource: "t", Count: 10}, {Reason: "Other", Count: 1}},
		Capacity:        []progress.Consumed{{Table: "s", Units: 10}, {Table: "t", Units: 15}, {Table: "t", Index: "i", Units: 5}},
		Warnings:        []progress.Warning{{Key: "a", Message: "first", Count: 11}, {Key: "b", Message: "second", Count: 10}},
	}
	got := m.Snapshot()
	if got.Seconds.Count != want.Requests || got.Items.Count != want.Requests {
		t.Errorf("%d and %d requests in the histograms", got.Seconds.Count, got.Items.Count)
	}
	got.Seconds, got.Items = nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, r := range heard {
		if r.Node != "sink.a.b" {
			t.Errorf("an event does not say whose it is: %+v", r)
		}
	}
	if len(heard) != 21 {
		t.Errorf("%d events", len(heard))
	}
}

func TestMeterWithoutListener(t *testing.T) {
	m := progress.NewMeter("n", nil)
	m.Requested(progress.Request{Attempt: 1})
	if m.Snapshot().Requests != 1 {
		t.Error("the request was not counted")
	}
}

// Who says what is in flight holds a lock of its own, under which it warns.
func TestMeterSumsLoads(t *testing.T) {
	m := progress.NewMeter("n", nil)
	if got := m.Load(); got != (progress.Load{}) {
		t.Errorf("of nobody: %+v", got)
	}
	for range 2 {
		m.Watch(func() progress.Load {
			m.Warn("k", "asked")
			return progress.Load{InFlight: 3, Limit: 4, Budget: 0.5, Saving: 1}
		})
	}
	if got, want := m.Load(), (progress.Load{InFlight: 6, Limit: 8, Budget: 1, Saving: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
