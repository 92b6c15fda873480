package expr

import "time"

// timeLoop is a function of one RFC 3339 timestamp.
type timeLoop struct {
	arg operand
	// at sets a row to what it gives of a moment.
	at func(m *machine, out *vector, i int, t time.Time)
}

func (n *timeLoop) run(m *machine, sel []int32, out *vector) {
	v, mask := n.arg.run(m, sel)
	for _, i := range sel {
		text, t := m.plainText(v, int(i)&mask)
		if t != isString {
			out.tags[i] = t
			continue
		}
		moment, err := time.Parse(time.RFC3339, text)
		if err != nil {
			out.tags[i] = isFailure
			continue
		}
		n.at(m, out, int(i), moment)
	}
}

// formattedAt is formatdate with a layout that is written.
func formattedAt(layout []datePart) func(*machine, *vector, int, time.Time) {
	return func(m *machine, out *vector, i int, t time.Time) {
		start, made := len(m.made), m.made
		for _, p := range layout {
			made = p.format(made, t)
		}
		out.setText(i, isString, m.text(start, made))
	}
}

// movedAt is timeadd with a duration that is written.
func movedAt(d time.Duration) func(*machine, *vector, int, time.Time) {
	return func(m *machine, out *vector, i int, t time.Time) {
		t = t.Add(d)
		if y := t.Year(); y < 0 || y > 9999 {
			out.tags[i] = isFailure
			return
		}
		out.setText(i, isString, m.text(len(m.made), t.AppendFormat(m.made, time.RFC3339Nano)))
	}
}

// secondsAt is epoch.
func secondsAt(_ *machine, out *vector, i int, t time.Time) {
	const far = 9_000_000_000 // nanoseconds of so many seconds fit an integer
	seconds := t.Unix()
	if seconds > far || seconds < -far {
		out.tags[i] = isUndecided
		return
	}
	nanos := seconds*int64(time.Second) + int64(t.Nanosecond())
	n, ok := wide{neg: nanos < 0, lo: magnitude(nanos), scale: -nanosExponent}.small()
	if !ok {
		out.tags[i] = isUndecided
		return
	}
	out.setSmall(i, n)
}

// timeFunction is the loop of a function of a timestamp; nil when it has none.
func timeFunction(n *callNode, args []operand) loop {
	written := func(i int) bool { return args[i].constant != nil && args[i].constant.tags[0] == isString }
	switch n.fn.name {
	case "epoch":
		return &timeLoop{args[0], secondsAt}
	case "formatdate":
		if n.layout != nil {
			return &timeLoop{args[1], formattedAt(n.layout)}
		}
	case "timeadd":
		if written(1) {
			d, err := time.ParseDuration(args[1].constant.texts[0])
			if err == nil {
				return &timeLoop{args[0], movedAt(d)}
			}
		}
	}
	return nil
}
