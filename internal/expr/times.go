package expr

import (
	"errors"
	"math/big"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/dynapipe/dynapipe/internal/attr"
)

func timeFunctions() []*fn {
	stamp := func(name string) param { return param{name: name, class: text} }
	layout := param{name: "layout", class: text}
	const letters = " The layout's letters: YYYY YY, MMMM MMM MM M, DD D, EEEE EEE (weekday), hh h (0 to 23), HH H (1 to 12), AA aa (AM, am), mm m, ss s, ZZZZZ (+02:00) ZZZZ (+0200) ZZZ Z (zone); other letters stand between single quotes."
	return []*fn{{
		name: "epoch", params: []param{stamp("timestamp")}, result: Number, run: epoch,
		description: "The seconds from 1970-01-01T00:00:00Z to the RFC 3339 timestamp, with its fraction: what DynamoDB's time to live takes.",
		example:     `epoch("2024-01-01T00:00:00Z") -> 1704067200`,
	}, {
		name: "formatdate", params: []param{layout, stamp("timestamp")}, result: String, run: formatDate, check: checkLayoutOfDate,
		description: "The RFC 3339 timestamp in another form." + letters,
		example:     `formatdate("DD MMM YYYY", "2024-01-02T03:04:05Z") -> "02 Jan 2024"`,
	}, {
		name: "parsetime", params: []param{layout, {name: "text", class: text}}, result: String, run: parseTime, check: checkLayoutOfDate,
		description: "The RFC 3339 timestamp of a text in the layout, in UTC when it has no zone. ss takes a fraction when there is one." + letters,
		example:     `parsetime("DD/MM/YYYY hh:mm", "02/01/2024 03:04") -> "2024-01-02T03:04:00Z"`,
	}, {
		name: "rfc3339", params: []param{{name: "epoch", class: numeric}}, result: String, run: fromEpoch,
		description: "The RFC 3339 timestamp, in UTC, that many seconds after 1970-01-01T00:00:00Z.",
		example:     `rfc3339(1704067200) -> "2024-01-01T00:00:00Z"`,
	}, {
		name: "timeadd", params: []param{stamp("timestamp"), {name: "duration", class: text}}, result: String, run: timeAdd, check: checkDuration,
		description: `The RFC 3339 timestamp moved by a duration such as "1h30m" or "-10s".`,
		example:     `timeadd("2024-01-01T00:00:00Z", "24h") -> "2024-01-02T00:00:00Z"`,
	}, {
		name: "timecmp", params: []param{stamp("a"), stamp("b")}, result: Number, run: timeCompare,
		description: "-1, 0 or 1 when the moment of the RFC 3339 timestamp a is before, at or after that of b.",
		example:     `timecmp("2024-01-01T00:00:00Z", "2024-01-01T01:00:00+01:00") -> 0`,
	}, {
		name: "timestamp", result: String, run: timestamp,
		description: "The start of the run as an RFC 3339 timestamp in UTC: the same for every row, and kept by a resumed run.",
		example:     `timestamp() -> "2024-05-06T07:08:09Z"`,
	}}
}

// time is an argument that is an RFC 3339 timestamp.
func (c *call) time(i int) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, c.args[i].Text())
	if err != nil {
		return t, bad(i, "an RFC 3339 timestamp like 2024-01-02T03:04:05Z: parsetime() makes one of other forms")
	}
	return t, nil
}

func timestamp(c *call) (attr.Value, error) {
	return attr.StringValue(c.run.Start.UTC().Format(time.RFC3339)), nil
}

func timeCompare(c *call) (attr.Value, error) {
	a, err := c.time(0)
	if err != nil {
		return attr.Value{}, err
	}
	b, err := c.time(1)
	if err != nil {
		return attr.Value{}, err
	}
	return intValue(a.Compare(b)), nil
}

func checkDuration(c *call) error {
	if c.args[1].Kind() != attr.String {
		return nil
	}
	_, err := c.duration(1)
	return err
}

func (c *call) duration(i int) (time.Duration, error) {
	d, err := time.ParseDuration(c.args[i].Text())
	if err != nil {
		return 0, bad(i, `a duration like "1h30m" or "-10s"`)
	}
	return d, nil
}

func timeAdd(c *call) (attr.Value, error) {
	t, err := c.time(0)
	if err != nil {
		return attr.Value{}, err
	}
	d, err := c.duration(1)
	if err != nil {
		return attr.Value{}, err
	}
	return stampOf(t.Add(d))
}

// stampOf is a moment as text; RFC 3339 has the years 0 to 9999.
func stampOf(t time.Time) (attr.Value, error) {
	if y := t.Year(); y < 0 || y > 9999 {
		return attr.Value{}, errYear
	}
	return attr.StringValue(t.Format(time.RFC3339Nano)), nil
}

var errYear = errors.New("the year is not between 0 and 9999")

const nanosExponent = -9

func epoch(c *call) (attr.Value, error) {
	t, err := c.time(0)
	if err != nil {
		return attr.Value{}, err
	}
	nanos := new(apd.BigInt).SetInt64(t.Unix())
	nanos.Mul(nanos, apd.NewBigInt(int64(time.Second)))
	nanos.Add(nanos, apd.NewBigInt(int64(t.Nanosecond())))
	return fromDecimal(apd.NewWithBigInt(nanos, nanosExponent))
}

func fromEpoch(c *call) (attr.Value, error) {
	ctx := precise()
	ctx.Precision = 400
	var d apd.Decimal
	if _, err := ctx.Quantize(&d, c.decimal(0), nanosExponent); err != nil {
		return attr.Value{}, errRange
	}
	nanos := d.Coeff.MathBigInt()
	if d.Negative {
		nanos.Neg(nanos)
	}
	seconds, rest := new(big.Int).DivMod(nanos, big.NewInt(int64(time.Second)), new(big.Int))
	if !seconds.IsInt64() || seconds.BitLen() > 48 {
		return attr.Value{}, errYear
	}
	return stampOf(time.Unix(seconds.Int64(), rest.Int64()).UTC())
}

func checkLayoutOfDate(c *call) error {
	if c.args[0].Kind() != attr.String {
		return nil
	}
	layout, err := c.dateLayout(0)
	c.layout = layout
	return err
}

func (c *call) dateLayout(i int) ([]datePart, error) {
	if c.layout != nil {
		return c.layout, nil
	}
	parts, err := parseDateLayout(c.args[i].Text())
	if err != nil {
		return nil, showing(bad(i, "a layout of a date"), "%s", err)
	}
	return parts, nil
}

func formatDate(c *call) (attr.Value, error) {
	parts, err := c.dateLayout(0)
	if err != nil {
		return attr.Value{}, err
	}
	t, err := c.time(1)
	if err != nil {
		return attr.Value{}, err
	}
	var out []byte
	for _, p := range parts {
		out = p.format(out, t)
	}
	return attr.StringValue(string(out)), nil
}

func parseTime(c *call) (attr.Value, error) {
	parts, err := c.dateLayout(0)
	if err != nil {
		return attr.Value{}, err
	}
	r := dateReader{rest: c.args[1].Text(), month: 1, day: 1}
	for _, p := range parts {
		if !r.read(p) {
			return attr.Value{}, showing(bad(1, "a date in that layout"), "it differs where the layout has %s", p.source)
		}
	}
	if r.rest != "" {
		return attr.Value{}, bad(1, "a date in that layout: it goes on after the layout's end")
	}
	t, ok := r.time()
	if !ok {
		return attr.Value{}, bad(1, "a date that exists")
	}
	return stampOf(t)
}
