package liveview

import (
	"fmt"
	"time"
)

// maxMarks is how many marks of a run of any length are kept (promise 6).
const maxMarks = 64

// pace says how long the rest of a run takes: as long as it would at the pace of
// its second half so far. At first queues fill, at a pace that says nothing.
type pace struct {
	marks []mark
	step  time.Duration // that they are at least apart
}

// mark is how much had been read at one moment.
type mark struct {
	at   time.Duration
	done int64
}

func (p *pace) add(m mark) {
	last := len(p.marks) - 1
	if last >= 0 && m.at-p.marks[last].at < p.step {
		return
	}
	p.marks = append(p.marks, m)
	if len(p.marks) < maxMarks {
		return
	}
	for i := range maxMarks / 2 {
		p.marks[i] = p.marks[2*i]
	}
	p.marks = p.marks[:maxMarks/2]
	p.step = max(2*p.step, p.marks[1].at-p.marks[0].at)
}

// left is how long the rest of the total takes; nothing is said before there has
// been a pace, nor of a total that proved too low.
func (p *pace) left(now mark, total int64) (time.Duration, bool) {
	if len(p.marks) == 0 || now.at-p.marks[0].at < window || now.done >= total {
		return 0, false
	}
	half := p.marks[0].at + (now.at-p.marks[0].at)/2
	from := p.marks[0]
	for _, m := range p.marks {
		if m.at <= half {
			from = m
		}
	}
	if now.done <= from.done {
		return 0, false
	}
	return time.Duration(float64(now.at-from.at) * float64(total-now.done) / float64(now.done-from.done)), true
}

// about is a time left, as exact as it can be known.
func about(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Round(24*time.Hour).Hours()/24))
	case d >= time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	case d >= 10*time.Minute:
		return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes()))
	case d >= 2*time.Minute:
		return d.Round(10 * time.Second).String()
	}
	return max(d.Round(time.Second), time.Second).String()
}
