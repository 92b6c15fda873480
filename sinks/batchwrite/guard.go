package batchwrite

import (
	"context"
	"fmt"

	"github.com/dynapipe/dynapipe/internal/deliver"
	"github.com/dynapipe/dynapipe/internal/dynamo"
	"github.com/dynapipe/dynapipe/internal/progress"
)

// guard says what is at stake in a table before anything in it is replaced or
// deleted.
type guard struct {
	client    *dynamo.Client
	operation deliver.Operation // of every row; 0: the row says
	meter     *progress.Meter
}

// look warns at the start of a run, or when a row names another table.
func (g *guard) look(ctx context.Context, table string, t *dynamo.Table) {
	if g.atStake(t) {
		g.meter.Warn("items of "+t.Name, fmt.Sprintf("table %s has %d items by DynamoDB's last count, and %s; %s",
			t.Name, t.ItemCount, g.does(), g.protection(ctx, table, t)))
	}
}

// atStake reports that a run may change items that are there. DynamoDB counts
// them every six hours or so, so a delete is one in any case.
func (g *guard) atStake(t *dynamo.Table) bool { return g.operation != deliver.Put || t.ItemCount > 0 }

func (g *guard) does() string {
	switch g.operation {
	case deliver.Put:
		return "a put replaces the one with the same key"
	case deliver.Delete:
		return "every row deletes one"
	}
	return "rows replace or delete those with the same key"
}

// protection is what there is against a mistake.
func (g *guard) protection(ctx context.Context, table string, t *dynamo.Table) string {
	recovery := "not known"
	if on, err := g.client.ContinuousBackups(ctx, table); err == nil {
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
