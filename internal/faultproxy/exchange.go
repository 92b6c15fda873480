package faultproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// exchange is one request and what becomes of it.
type exchange struct {
	proxy    *Proxy
	config   Config
	deciders []Decider
	in       *http.Request
	body     []byte
	request  *request
	tables   map[string]*Table // by the request's own names
	rng      *rand.Rand
	id       string
	kept     []bool
	claims   []claim // of the actions that are kept
}

func (x *exchange) serve(w http.ResponseWriter) {
	if !x.delay() {
		panic(http.ErrAbortHandler) // nobody is there to get an answer
	}
	x.describe()
	fault := decide(x.deciders, x.rng, x.view())
	if fault == nil || fault.Landed {
		if refused := x.choose(); refused != nil {
			fault = refused
		}
	}
	if fault != nil && !fault.Landed {
		x.suffer(w, fault, nil)
		return
	}
	response, answer, err := x.forward()
	switch {
	case err != nil:
		x.proxy.recorder.fault(Unreachable, 1)
		http.Error(w, fmt.Sprintf("the server behind the fault proxy: %v", err), http.StatusBadGateway)
	case fault != nil:
		x.suffer(w, fault, answer)
	default:
		pass(w, response, answer)
	}
}

// delay waits for the latency and reports that the client still waits, too.
func (x *exchange) delay() bool {
	d := x.config.Latency
	if x.config.Jitter > 0 {
		d += time.Duration(x.rng.Int64N(int64(x.config.Jitter)))
	}
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.in.Context().Done():
		return false
	}
}

// describe gets to know the tables of the request.
func (x *exchange) describe() {
	x.tables = map[string]*Table{}
	for _, name := range x.request.tables() {
		t := x.proxy.catalog.describe(name, x.ask)
		x.tables[name] = &t
	}
}

// ask asks the server to describe a table, in the client's name.
func (x *exchange) ask(name string) ([]byte, error) {
	h := x.in.Header.Clone()
	h.Set(targetHeader, "DynamoDB_20120810.DescribeTable")
	question, err := json.Marshal(map[string]string{"TableName": name})
	if err != nil {
		return nil, err
	}
	response, body, err := x.send(h, question)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	return body, err
}

// view is the request as deciders see it.
func (x *exchange) view() *Request {
	v := &Request{Operation: x.request.operation, Body: x.body, Actions: len(x.request.actions)}
	for _, name := range x.request.tables() {
		v.Tables = append(v.Tables, *x.tables[name])
	}
	return v
}

// suffer does to the client what the fault is.
func (x *exchange) suffer(w http.ResponseWriter, f *Fault, answer []byte) {
	x.proxy.recorder.fault(f.Kind, 1, f.Reasons...)
	if f.Answer != nil {
		f.Answer.write(w, x.id)
		return
	}
	if part := int(f.Part * float64(len(answer))); part > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(len(answer)))
		_, _ = w.Write(answer[:part])
		_ = http.NewResponseController(w).Flush() // the cut below loses it at worst
	}
	panic(http.ErrAbortHandler) // net/http's way to cut a connection
}

// choose selects the actions to forward: by chance, then by what the limits
// have left. It gives the fault of a request of which nothing remains.
func (x *exchange) choose() *Fault {
	x.kept = unprocessed(x.rng, x.request, x.config.Faults.Unprocessed)
	chance := count(x.kept, false)
	if chance > 0 && chance == len(x.kept) {
		f := throttledBy(x.rng, x.view(), x.config.Faults.causes())
		return &f
	}
	if refused := x.spend(); refused != nil {
		return refused
	}
	x.proxy.recorder.fault(Unprocessed, chance)
	x.proxy.recorder.fault(UnprocessedMetered, count(x.kept, false)-chance)
	return nil
}

// spend takes capacity for the actions that are kept. Actions of a batch that
// get none are given back; of any other request all get it, or none.
func (x *exchange) spend() *Fault {
	if x.config.Limits.none() {
		return nil
	}
	now := time.Now()
	var reasons []Reason
	for i := range x.request.actions {
		if !x.kept[i] {
			continue
		}
		cl := x.claim(&x.request.actions[i])
		reason, ok := x.proxy.meter.spend(cl, now)
		switch {
		case ok:
			x.claims = append(x.claims, cl)
			continue
		case x.request.batch() == "":
			x.proxy.meter.giveBack(x.claims, now)
			return x.refuse(i, reason)
		}
		x.kept[i] = false
		reasons = append(reasons, reason)
	}
	if len(reasons) > 0 && len(x.claims) == 0 {
		f := refusal(Metered, "ProvisionedThroughputExceededException", reasons[0])
		return &f
	}
	return nil
}

func (x *exchange) claim(a *action) claim {
	cl := claim{table: x.tables[a.table], effect: x.request.effect, units: x.request.estimate(a)}
	cl.partition, cl.located = partitionOf(a.item, cl.table.Key)
	return cl
}

// refuse is for a request whose ith action is beyond a limit.
func (x *exchange) refuse(i int, reason Reason) *Fault {
	if x.request.transactional() {
		return &Fault{Kind: Metered, Reasons: []Reason{reason}, Answer: canceled(len(x.request.actions), i,
			"ProvisionedThroughputExceeded", "The level of configured provisioned throughput for the table was exceeded.")}
	}
	f := refusal(Metered, "ProvisionedThroughputExceededException", reason)
	return &f
}

// forward sends the request to the server and books what it cost. The answer is
// the one for the client.
func (x *exchange) forward() (*http.Response, []byte, error) {
	body, err := x.request.body(x.body, x.kept)
	if err != nil {
		return nil, nil, err
	}
	response, answer, err := x.send(x.in.Header, body)
	x.proxy.catalog.changes(x.request.operation, x.body)
	if err != nil {
		return nil, nil, err
	}
	ok := response.StatusCode == http.StatusOK
	x.proxy.recorder.answered(x.request.operation, ok, x.request.items(x.kept))
	if !ok {
		x.bookFailure(answer)
		return response, answer, nil
	}
	answer, used, err := x.request.response(answer, x.kept)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range used {
		x.proxy.recorder.spent(x.request.effect, c)
		x.proxy.meter.settle(x.claims, c, time.Now())
	}
	return response, answer, nil
}

// bookFailure gives back what a refused request claimed. A condition that fails
// costs as much as one that holds (AWS, "Condition expressions").
func (x *exchange) bookFailure(answer []byte) {
	if !bytes.Contains(answer, []byte("ConditionalCheckFailed")) {
		x.proxy.meter.giveBack(x.claims, time.Now())
		return
	}
	for i := range x.request.actions {
		a := &x.request.actions[i]
		x.proxy.recorder.spent(x.request.effect, consumed{TableName: a.table, CapacityUnits: x.request.estimate(a)})
	}
}

func count(kept []bool, want bool) int {
	n := 0
	for _, k := range kept {
		if k == want {
			n++
		}
	}
	return n
}
