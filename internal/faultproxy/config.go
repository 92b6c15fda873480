package faultproxy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is what a Proxy does. Its zero value but for Backend passes every
// request on and counts.
type Config struct {
	// Backend is the server's URL.
	Backend *url.URL
	// Seed decides what befalls which request.
	Seed uint64
	// Faults are what goes wrong by chance.
	Faults Faults
	// Limits are how much tables take.
	Limits Limits
	// Latency is added to every request, and a random part of Jitter.
	Latency, Jitter time.Duration
	// Deny lists operations that are refused with AccessDeniedException.
	Deny []string
	// Deciders are asked before those that the rest of Config makes.
	Deciders []Decider
	// Sign signs a request anew before it is sent to the server; nil leaves the
	// client's signature as it is, for servers that don't verify it.
	Sign func(ctx context.Context, r *http.Request, body []byte) error
}

// Faults are shares between 0 and 1. They befall operations that read or write
// items; Unprocessed is a share of items, the others of requests, each of those
// that the ones before it let through.
type Faults struct {
	// CutBefore cuts the connection before the request reaches the server.
	CutBefore float64
	// Throttle refuses with a throttling exception and its reasons, which name
	// any of ThrottleLimits; when there are none, of all the Limit constants.
	Throttle       float64
	ThrottleLimits []string
	// Error answers 500 or 503. One in three took effect nevertheless, as an
	// internal error of DynamoDB's may (AWS, "Error handling with DynamoDB").
	Error float64
	// Conflict refuses transactions and writes of one item since another
	// transaction is at the same item.
	Conflict float64
	// CutAfter cuts the connection when the server has done the work: without
	// an answer, or in the middle of it.
	CutAfter float64
	// Unprocessed gives items of BatchWriteItem and keys of BatchGetItem back.
	Unprocessed float64
}

// Limits are how much tables take, in capacity units per second; 0 is no limit.
// Every global secondary index takes as much as its table.
type Limits struct {
	TableWrite, TableRead float64
	// PartitionWrite and PartitionRead are what one partition takes.
	PartitionWrite, PartitionRead float64
	// Partitions is how many a table has; 0 is DefaultPartitions. Keys fall
	// into them by a hash of their partition key.
	Partitions int
	// Burst is how much unused capacity is kept, in seconds of the rate. One
	// second's is always kept.
	Burst time.Duration
}

// What DynamoDB does (AWS, "Best practices for designing and using partition
// keys effectively", "Burst and adaptive capacity", "On-demand capacity mode").
const (
	PartitionWrite = 1000 // write capacity units per second
	PartitionRead  = 3000 // read capacity units per second
	// DefaultPartitions are those of a new on-demand table, which takes 4,000
	// writes and 12,000 reads per second.
	DefaultPartitions = 4
	// MaxBurst is how long unused capacity is kept.
	MaxBurst = 300 * time.Second
)

// maxPartitions bounds the meter's memory.
const maxPartitions = 100_000

// Validate finds everything that is wrong with the configuration.
func (c *Config) Validate() error {
	var problems []error
	if b := c.Backend; b == nil || b.Host == "" || b.Scheme != "http" && b.Scheme != "https" {
		problems = append(problems, errors.New("the backend is no URL such as http://127.0.0.1:8000"))
	}
	if c.Latency < 0 || c.Jitter < 0 {
		problems = append(problems, errors.New("latency and jitter are times of zero or above"))
	}
	for _, operation := range c.Deny {
		if !slices.Contains(Operations(), operation) {
			problems = append(problems, fmt.Errorf("%q is no operation that can be denied: there are %s", operation, strings.Join(Operations(), ", ")))
		}
	}
	return errors.Join(append(problems, c.Faults.Validate(), c.Limits.Validate())...)
}

// Validate finds shares and reasons that are none.
func (f Faults) Validate() error {
	var problems []error
	for _, share := range []struct {
		name  string
		value float64
	}{
		{"cut before", f.CutBefore}, {"throttle", f.Throttle}, {"error", f.Error},
		{"conflict", f.Conflict}, {"cut after", f.CutAfter}, {"unprocessed", f.Unprocessed},
	} {
		if !(share.value >= 0 && share.value <= 1) {
			problems = append(problems, fmt.Errorf("the share of %s is %v, not between 0 and 1", share.name, share.value))
		}
	}
	for _, limit := range f.ThrottleLimits {
		if !slices.Contains(ThrottleLimits(), limit) {
			problems = append(problems, fmt.Errorf("%q is no limit that throttles: there are %s", limit, strings.Join(ThrottleLimits(), ", ")))
		}
	}
	return errors.Join(problems...)
}

// Validate finds limits that are none.
func (l Limits) Validate() error {
	var problems []error
	for _, rate := range []float64{l.TableWrite, l.TableRead, l.PartitionWrite, l.PartitionRead} {
		if !(rate >= 0) || math.IsInf(rate, 1) {
			problems = append(problems, fmt.Errorf("%v is no number of capacity units per second", rate))
		}
	}
	if l.Partitions < 0 || l.Partitions > maxPartitions {
		problems = append(problems, fmt.Errorf("%d partitions are not between 1 and %d", l.Partitions, maxPartitions))
	}
	if l.Burst < 0 {
		problems = append(problems, fmt.Errorf("a burst of %s is below zero", l.Burst))
	}
	return errors.Join(problems...)
}

// partitions is how many partitions a table has.
func (l Limits) partitions() int {
	if l.Partitions == 0 {
		return DefaultPartitions
	}
	return l.Partitions
}

// none reports that there is nothing to meter.
func (l Limits) none() bool {
	return l.TableWrite == 0 && l.TableRead == 0 && l.PartitionWrite == 0 && l.PartitionRead == 0
}
