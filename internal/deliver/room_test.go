package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Large rows wait in numbers that keep requests coming and no more, well below
// the most that may be held (promise 6): there is room for as many as are in
// flight, and for a few when none is. What is sent of a row counts, and what is
// kept of it until it has ended.
func TestWhatWaitsGoesByWhatIsInFlight(t *testing.T) {
	const size = 100 << 10
	t.Run("sent", func(t *testing.T) {
		waitsByFlight(t, reserve/size, Row{Table: "t", Operation: Put, Body: make([]byte, size), Units: 1})
	})
	t.Run("kept", func(t *testing.T) {
		waitsByFlight(t, reserve/size, Row{Table: "t", Operation: Delete, Body: make([]byte, 10), Kept: size, Units: 1})
	})
	t.Run("made as they are sent", func(t *testing.T) {
		waitsByFlight(t, reserve/size, Row{Table: "t", Operation: Put, Bytes: size, Units: 1})
	})
	t.Run("small", func(t *testing.T) {
		waitsByFlight(t, plenty*25, Row{Table: "t", Operation: Put, Bytes: 300, Units: 1})
	})
}

func waitsByFlight(t *testing.T, most int, row Row) {
	m := newMachine(testConfig().withDefaults())
	n := 0
	fill := func() (rows int) {
		for {
			row.Key = unique(n)
			if !m.hasRoom(&row) {
				return rows
			}
			m.admit(&row, noon)
			n++
			rows++
		}
	}
	if first := fill(); first < most*9/10 || first > most {
		t.Errorf("%d rows wait for the first answer", first)
	}
	m.waiting = 1
	var flying []*request
	for now := noon; len(flying) < 8; now = now.Add(time.Millisecond) {
		for {
			r, _ := m.next(now)
			if r == nil {
				break
			}
			flying = append(flying, r)
			fill()
		}
		first := flying[0]
		flying = flying[1:]
		m.release(m.answered(first, Answer{}, nil, now), now)
		fill()
	}
	sent := 0
	for _, r := range flying {
		sent += len(r.Rows)
	}
	if waits, want := m.heldRows-sent, max(sent, most); waits < want*9/10 || waits > want+25 || m.heldBytes > m.cfg.MaxBytes {
		t.Errorf("%d rows of %d wait while %d are in flight", waits, m.heldRows, sent)
	}
}

// A row for which there is no room does not keep the core busy while there is
// some for others.
func TestWaitingForRoomIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig()
		cfg.MaxBytes = 10_000
		var l ledger
		core := New(t.Context(), cfg, senderFunc(func(context.Context, *Request) (Answer, error) {
			time.Sleep(time.Hour)
			return Answer{}, nil
		}))
		defer core.Close()
		rows := l.puts(3, unique)
		for i := range rows {
			rows[i].Body = body(i, 4000)
		}
		if err := core.Submit(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		if err := core.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
