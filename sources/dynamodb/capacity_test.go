package dynamodb

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/dynapipe/dynapipe/internal/dynamotest"
	"github.com/dynapipe/dynapipe/internal/faultproxy"
)

// Promise 7, as the server sees it: a request counts from before it comes there
// until more than a second after, so no second has more, wherever it begins.
func TestBudgetSeenFromTheServer(t *testing.T) {
	const budget = 60
	random := rand.New(rand.NewPCG(1, 2))
	for name, size := range map[string]func(i int) int{
		"even":  func(int) int { return 2000 },
		"mixed": func(int) int { return []int{50, 700, 6000, 30000}[random.IntN(4)] },
	} {
		items := map[string]int{"even": 600, "mixed": 150}[name]
		for _, body := range []string{"segments = 3", "segments = 3\nfilter = exists(item.id)"} {
			t.Run(name+" "+body, func(t *testing.T) {
				s := dynamotest.Start(t)
				table := s.CreateTable(t, dynamotest.S("id"))
				for i := range items {
					s.Put(t, table, dynamotest.Item{
						"id":   &types.AttributeValueMemberS{Value: fmt.Sprint(i)},
						"text": &types.AttributeValueMemberS{Value: strings.Repeat("x", size(i))},
					})
				}
				t.Parallel()
				endpoint, stats := counted(t, s)
				got := read(t, decoded(t, connection(s, endpoint), table, fmt.Sprintf("%s\nread_capacity = %d", body, budget)))
				if got.err != nil || len(got.items) != items {
					t.Fatalf("%d items, %v", len(got.items), got.err)
				}
				units := stats().Tables[table].Read
				if units.Peak > budget || units.Units < budget {
					t.Errorf("at most %v of %v units in one second", units.Peak, budget)
				}
				t.Logf("at most %v of %v units in one second, %v in all: %v", units.Peak, budget, units.Units, units.Seconds)
			})
		}
	}
}

// counted is a proxy before the server that counts.
func counted(t *testing.T, s *dynamotest.Server) (endpoint string, stats func() faultproxy.Stats) {
	t.Helper()
	backend, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy, err := faultproxy.New(faultproxy.Config{Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(proxy)
	t.Cleanup(func() {
		listener.Close()
		proxy.Close()
	})
	return listener.URL, proxy.Stats
}
