package faultproxy

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func numbers() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func tables() []Table {
	return []Table{{Name: "a", ARN: "arn:a"}, {Name: "b", ARN: "arn:b", Indexes: []string{"i"}}}
}

// Each decider does one kind of thing, to the operations that it may befall.
func TestDecidersBefallTheirOperations(t *testing.T) {
	every := []string{"PutItem", "BatchWriteItem", "TransactWriteItems", "Scan", "DescribeTable", "CreateTable"}
	items := every[:4]
	for name, c := range map[string]struct {
		decider Decider
		befalls []string
		kinds   []Kind
	}{
		"deny":           {deny([]string{"Scan", "CreateTable"}), []string{"Scan", "CreateTable"}, []Kind{Denied}},
		"cut before":     {cutBefore(1), items, []Kind{CutBefore}},
		"cut after":      {cutAfter(1), items, []Kind{CutAfter}},
		"throttle":       {throttle(1, new(Faults).causes()), items, []Kind{Throttled}},
		"fail":           {fail(1), items, []Kind{Failed, FailedAfter, Unavailable}},
		"conflict":       {conflict(1), []string{"PutItem", "TransactWriteItems"}, []Kind{Conflict}},
		"no share":       {fail(0), nil, nil},
		"nothing denied": {deny(nil), nil, nil},
	} {
		rng := numbers()
		var befalls []string
		kinds := map[Kind]bool{}
		for _, operation := range every {
			for range 50 {
				f := c.decider(rng, &Request{Operation: operation, Tables: tables(), Actions: 3})
				if f == nil {
					continue
				}
				kinds[f.Kind] = true
				if !slices.Contains(befalls, operation) {
					befalls = append(befalls, operation)
				}
			}
		}
		if !slices.Equal(befalls, c.befalls) || len(kinds) != len(c.kinds) {
			t.Errorf("%s befalls %v with %v", name, befalls, kinds)
		}
		for _, kind := range c.kinds {
			if !kinds[kind] {
				t.Errorf("%s never does %s", name, kind)
			}
		}
	}
}

func TestShareIsKeptAndFollowsTheSeed(t *testing.T) {
	const n = 20_000
	draw := func(seed uint64) (kinds []Kind, hits int) {
		d := []Decider{throttle(0.1, new(Faults).causes())}
		for i := range uint64(n) {
			f := decide(d, random(seed, "PutItem", i), &Request{Operation: "PutItem"})
			kind := Kind("")
			if f != nil {
				kind = f.Kind
				hits++
			}
			kinds = append(kinds, kind)
		}
		return kinds, hits
	}
	first, hits := draw(7)
	// Five standard deviations of a binomial distribution: 5 * sqrt(n*0.1*0.9).
	if hits < n/10-212 || hits > n/10+212 {
		t.Errorf("%d of %d requests throttled at 10 %%", hits, n)
	}
	if again, _ := draw(7); !slices.Equal(first, again) {
		t.Error("the same seed does something else")
	}
	if other, _ := draw(8); slices.Equal(first, other) {
		t.Error("another seed does the same")
	}
}

// Reasons have the form and the exceptions that DynamoDB documents.
func TestThrottlingReasons(t *testing.T) {
	exceptions := map[string][]string{
		"ProvisionedThroughputExceededException": {LimitProvisioned, LimitKeyRange},
		"ThrottlingException":                    {LimitKeyRange, LimitOnDemand},
		"RequestLimitExceeded":                   {LimitAccount},
	}
	rng, seen := numbers(), map[string]bool{}
	for range 500 {
		for _, operation := range []string{"Scan", "BatchWriteItem"} {
			f := throttle(1, new(Faults).causes())(rng, &Request{Operation: operation, Tables: tables()})
			var body struct {
				Type              string `json:"__type"`
				Message           string
				ThrottlingReasons []Reason
			}
			if err := json.Unmarshal(f.Answer.Body, &body); err != nil || f.Answer.Status != http.StatusBadRequest {
				t.Fatalf("%d %s: %v", f.Answer.Status, f.Answer.Body, err)
			}
			_, exception, _ := strings.Cut(body.Type, "#")
			if len(body.ThrottlingReasons) != 1 || body.Message == "" || body.ThrottlingReasons[0] != f.Reasons[0] {
				t.Fatalf("%s", f.Answer.Body)
			}
			reason := body.ThrottlingReasons[0]
			prefix := map[bool]string{true: "Index", false: "Table"}[reason.Resource == "arn:b/index/i"] + effectOf(operation).String()
			limit, ok := strings.CutPrefix(reason.Reason, prefix)
			if !ok || !slices.Contains(exceptions[exception], limit) || operation == "Scan" && strings.HasPrefix(reason.Reason, "Index") {
				t.Fatalf("%s of %s for %s", reason, operation, exception)
			}
			seen[exception+reason.Reason+reason.Resource] = true
		}
	}
	// 5 causes, of 2 tables to read, and of 2 tables and 1 index to write.
	if len(seen) != 5*2+5*3 {
		t.Errorf("%d combinations: %v", len(seen), seen)
	}
}

func TestThrottlingNamesTheLimitsAskedFor(t *testing.T) {
	f := Faults{ThrottleLimits: []string{LimitAccount, LimitOnDemand}}
	seen, rng := map[string]bool{}, numbers()
	for range 100 {
		seen[throttle(1, f.causes())(rng, &Request{Operation: "Scan", Tables: tables()}).Reasons[0].Reason] = true
	}
	if len(seen) != 2 || !seen["TableReadAccountLimitExceeded"] || !seen["TableReadMaxOnDemandThroughputExceeded"] {
		t.Errorf("seen %v", seen)
	}
}

func TestCanceledTransactionHasAReasonForEachAction(t *testing.T) {
	f := conflict(1)(numbers(), &Request{Operation: "TransactWriteItems", Actions: 3})
	var body struct {
		CancellationReasons []struct{ Code, Message string }
		Message             string
	}
	if err := json.Unmarshal(f.Answer.Body, &body); err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, r := range body.CancellationReasons {
		codes = append(codes, r.Code)
	}
	if slices.Sort(codes); !slices.Equal(codes, []string{"None", "None", "TransactionConflict"}) || !strings.Contains(body.Message, "TransactionConflict") {
		t.Errorf("%s", f.Answer.Body)
	}
}

func TestConfigSaysAllThatIsWrong(t *testing.T) {
	c := Config{
		Faults: Faults{Throttle: 1.5, Error: -1, ThrottleLimits: []string{"Bored"}}, Limits: Limits{TableWrite: -1, Partitions: -1, Burst: -1},
		Latency: -1, Deny: []string{"PutItems"},
	}
	p, err := New(c)
	if err == nil {
		p.Close()
		t.Fatal("taken")
	}
	for _, part := range []string{"backend", "throttle is 1.5", "error is -1", `"Bored" is no limit`, "-1 is no number", "-1 partitions", "burst", "latency", `"PutItems"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
}
