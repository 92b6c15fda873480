package naive

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/sourcegraph/conc/pool"
)

func csvToBatchWrite(ctx context.Context, o Options) error {
	return batchWrite(ctx, o, func(put func(item) error) error {
		return eachRecord(o.In, func(header, row []string) error { return put(recordToItem(header, row)) })
	})
}

func jsonlToBatchWrite(ctx context.Context, o Options) error {
	return batchWrite(ctx, o, func(put func(item) error) error {
		return eachObject(o.In, func(object map[string]any) error {
			out, err := objectToItem(object)
			if err != nil {
				return err
			}
			return put(out)
		})
	})
}

func csvToTransactWrite(ctx context.Context, o Options) error {
	c, err := client(ctx, o.Concurrency)
	if err != nil {
		return err
	}
	return inGroups(ctx, o.Concurrency, 100,
		func(row item) types.TransactWriteItem {
			return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(o.Table), Item: row}}
		},
		func(ctx context.Context, group []types.TransactWriteItem) error {
			_, err := c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: group})
			return err
		},
		func(put func(item) error) error {
			return eachRecord(o.In, func(header, row []string) error { return put(recordToItem(header, row)) })
		})
}

// batchWrite writes what produce puts, 25 to a request, repeating what comes
// back unprocessed.
func batchWrite(ctx context.Context, o Options, produce func(put func(item) error) error) error {
	c, err := client(ctx, o.Concurrency)
	if err != nil {
		return err
	}
	return inGroups(ctx, o.Concurrency, 25,
		func(row item) types.WriteRequest {
			return types.WriteRequest{PutRequest: &types.PutRequest{Item: row}}
		},
		func(ctx context.Context, group []types.WriteRequest) error {
			items := map[string][]types.WriteRequest{o.Table: group}
			for len(items) > 0 {
				out, err := c.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: items})
				if err != nil {
					return err
				}
				items = out.UnprocessedItems
			}
			return nil
		}, produce)
}

// inGroups sends what produce puts in groups of that size, several at once.
func inGroups[T any](ctx context.Context, concurrency, size int, wrap func(item) T,
	send func(context.Context, []T) error, produce func(put func(item) error) error) error {
	groups := make(chan []T)
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for range concurrency {
		p.Go(func(ctx context.Context) error {
			for group := range groups {
				if err := send(ctx, group); err != nil {
					return err
				}
			}
			return nil
		})
	}
	p.Go(func(ctx context.Context) error {
		defer close(groups)
		group := make([]T, 0, size)
		flush := func() error {
			select {
			case groups <- group:
			case <-ctx.Done():
				return ctx.Err()
			}
			group = make([]T, 0, size)
			return nil
		}
		err := produce(func(row item) error {
			if group = append(group, wrap(row)); len(group) < size {
				return nil
			}
			return flush()
		})
		if err == nil && len(group) > 0 {
			err = flush()
		}
		return err
	})
	return p.Wait()
}
