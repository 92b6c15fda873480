package delivery

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/progress"
	"github.com/dynapipe/dynapipe/internal/schema"
)

// FactsPatience is how long the plan waits for the descriptions of tables.
const FactsPatience = 3 * time.Second

// The uses of a table, as the plan says them.
const (
	useWrite  = "write"
	useCreate = "create"
)

// Guard says what is at stake in a table before anything in it is replaced,
// changed or deleted.
type Guard struct {
	Client *dynamo.Client
	Meter  *progress.Meter
	Does   string // what rows do, after "and": every row deletes one
	// Always says that it is worth saying of a table that was last counted
	// empty: DynamoDB counts every six hours or so.
	Always bool
}

// look warns at the start of a run, or when a row names another table.
func (g *Guard) look(ctx context.Context, table string, t *dynamo.Table) {
	if g.atStake(t) {
		g.Meter.Warn("items of "+t.Name, fmt.Sprintf("table %s has %d items by DynamoDB's last count, and %s; %s",
			t.Name, t.ItemCount, g.Does, g.protection(ctx, table, t)))
	}
}

func (g *Guard) atStake(t *dynamo.Table) bool { return g.Always || t.ItemCount > 0 }

// protection is what there is against a mistake.
func (g *Guard) protection(ctx context.Context, table string, t *dynamo.Table) string {
	recovery := "not known"
	if on, err := g.Client.ContinuousBackups(ctx, table); err == nil {
		recovery = onOff(on)
	}
	return fmt.Sprintf("point-in-time recovery %s, deletion protection %s", recovery, onOff(t.DeletionProtection))
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Uses asks for the descriptions of tables that rows will be written to, for
// the plan. What can't be asked is a note: a plan can be made without a
// connection. always is Guard's.
func (s *Settings) Uses(ctx context.Context, names []string, create *CreateTable, always bool) []schema.TableUse {
	ctx, cancel := context.WithTimeout(ctx, FactsPatience)
	defer cancel()
	client, err := s.Connection.Client(ctx)
	if err == nil {
		defer client.Close()
	}
	var uses []schema.TableUse
	for _, name := range names {
		use := schema.TableUse{Name: name, Use: useWrite}
		if err != nil {
			use.Note = "not looked up: " + err.Error()
		} else {
			describeUse(ctx, &use, &Guard{Client: client, Always: always}, create)
		}
		uses = append(uses, use)
	}
	return uses
}

func describeUse(ctx context.Context, use *schema.TableUse, g *Guard, create *CreateTable) {
	t, err := g.Client.Describe(ctx, use.Name)
	var e *dynamo.Error
	switch {
	case err == nil:
		use.Keys, use.ARN = keyTexts(t.Keys), t.ARN
		use.Note = g.note(ctx, t, use.Name)
		if create != nil {
			if err := create.Fits(t); err != nil {
				use.Note += "; " + err.Error()
			}
		}
	case errors.As(err, &e) && e.Code == "ResourceNotFoundException" && create != nil:
		use.Use, use.Keys, use.Note = useCreate, keyTexts(create.keys()), create.billing
	case errors.As(err, &e) && e.Code == "ResourceNotFoundException":
		use.Note = "there is no such table: a run would fail; batch_write creates it with a create_table block"
	default:
		use.Note = "not looked up: " + err.Error()
	}
}

// note is what to know of a table before writing to it.
func (g *Guard) note(ctx context.Context, t *dynamo.Table, name string) string {
	protection := "deletion protection " + onOff(t.DeletionProtection)
	if g.atStake(t) {
		protection = g.protection(ctx, name, t)
	}
	text := fmt.Sprintf("%s items when DynamoDB last counted (every six hours or so), %s, %s",
		strconv.FormatInt(t.ItemCount, 10), t.Billing, protection)
	for _, x := range t.Indexes {
		text += fmt.Sprintf("; index %s by %s", x.Name, DescribeKeys(x.Keys))
	}
	return text
}
