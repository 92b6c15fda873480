package naive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/sourcegraph/conc/pool"
)

// scan calls page with each page, from as many goroutines as there are segments.
func scan(ctx context.Context, o Options, page func([]item) error) error {
	c, err := client(ctx, o.Segments)
	if err != nil {
		return err
	}
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for segment := range o.Segments {
		p.Go(func(ctx context.Context) error {
			pages := dynamodb.NewScanPaginator(c, &dynamodb.ScanInput{
				TableName: aws.String(o.Source), Segment: aws.Int32(int32(segment)), TotalSegments: aws.Int32(int32(o.Segments)),
			})
			for pages.HasMorePages() {
				out, err := pages.NextPage(ctx)
				if err == nil {
					err = page(out.Items)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return p.Wait()
}

func scanToJSONL(ctx context.Context, o Options) error {
	return withOutput(o.Out, func(w *bufio.Writer) error {
		var mu sync.Mutex
		return scan(ctx, o, func(items []item) error {
			var page bytes.Buffer
			lines := json.NewEncoder(&page)
			lines.SetEscapeHTML(false)
			for _, it := range items {
				object, err := itemToObject(it)
				if err != nil {
					return err
				}
				if err := lines.Encode(object); err != nil {
					return err
				}
			}
			mu.Lock()
			defer mu.Unlock()
			_, err := w.Write(page.Bytes())
			return err
		})
	})
}

func scanToBatchWrite(ctx context.Context, o Options) error {
	return batchWrite(ctx, o, func(put func(item) error) error {
		var mu sync.Mutex
		return scan(ctx, o, func(items []item) error {
			mu.Lock()
			defer mu.Unlock()
			for _, it := range items {
				if err := put(it); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
