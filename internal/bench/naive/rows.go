package naive

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type item = map[string]types.AttributeValue

// eachRecord calls each with the rows of a CSV file after its header.
func eachRecord(path string, each func(header, row []string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(bufio.NewReaderSize(f, 1<<20))
	header, err := r.Read()
	if err != nil {
		return err
	}
	r.ReuseRecord = true
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(header, row)
		}
		if err != nil {
			return err
		}
	}
}

func isNumber(column string) bool { return column == "balance" || column == "age" }

// recordToItem leaves empty cells out.
func recordToItem(header, row []string) item {
	out := make(item, len(row))
	for i, cell := range row {
		switch {
		case cell == "":
		case isNumber(header[i]):
			out[header[i]] = &types.AttributeValueMemberN{Value: cell}
		default:
			out[header[i]] = &types.AttributeValueMemberS{Value: cell}
		}
	}
	return out
}

// eachObject calls each with the objects of a file of JSON lines.
func eachObject(path string, each func(map[string]any) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	d := json.NewDecoder(bufio.NewReaderSize(f, 1<<20))
	d.UseNumber()
	for {
		var object map[string]any
		err := d.Decode(&object)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = each(object)
		}
		if err != nil {
			return err
		}
	}
}

func objectToItem(object map[string]any) (item, error) {
	out := make(item, len(object))
	for name, v := range object {
		value, err := toValue(v)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

func toValue(v any) (types.AttributeValue, error) {
	switch v := v.(type) {
	case nil:
		return &types.AttributeValueMemberNULL{Value: true}, nil
	case string:
		return &types.AttributeValueMemberS{Value: v}, nil
	case json.Number:
		return &types.AttributeValueMemberN{Value: v.String()}, nil
	case bool:
		return &types.AttributeValueMemberBOOL{Value: v}, nil
	case []any:
		list := make([]types.AttributeValue, len(v))
		for i := range v {
			var err error
			if list[i], err = toValue(v[i]); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: list}, nil
	case map[string]any:
		m, err := objectToItem(v)
		return &types.AttributeValueMemberM{Value: m}, err
	}
	return nil, fmt.Errorf("JSON has no %T", v)
}

func itemToObject(in item) (map[string]any, error) {
	out := make(map[string]any, len(in))
	for name, v := range in {
		value, err := fromValue(v)
		if err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

func fromValue(v types.AttributeValue) (any, error) {
	switch v := v.(type) {
	case *types.AttributeValueMemberNULL:
		return nil, nil
	case *types.AttributeValueMemberS:
		return v.Value, nil
	case *types.AttributeValueMemberN:
		return json.Number(v.Value), nil
	case *types.AttributeValueMemberBOOL:
		return v.Value, nil
	case *types.AttributeValueMemberB:
		return v.Value, nil
	case *types.AttributeValueMemberL:
		list := make([]any, len(v.Value))
		for i := range v.Value {
			var err error
			if list[i], err = fromValue(v.Value[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	case *types.AttributeValueMemberM:
		return itemToObject(v.Value)
	}
	return nil, fmt.Errorf("no plain JSON for %T", v)
}

// withOutput gives write a buffered file.
func withOutput(path string, write func(*bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	return errors.Join(err, f.Close())
}

// csvToJSONL keeps active users and adds a key and a tier, in plain Go.
func csvToJSONL(_ context.Context, o Options) error {
	return withOutput(o.Out, func(w *bufio.Writer) error {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		return eachRecord(o.In, func(header, row []string) error {
			object := make(map[string]any, len(row)+2)
			for i, cell := range row {
				switch {
				case cell == "":
				case isNumber(header[i]):
					object[header[i]] = json.Number(cell)
				default:
					object[header[i]] = cell
				}
			}
			if object["status"] != "active" {
				return nil
			}
			balance, err := strconv.ParseFloat(string(object["balance"].(json.Number)), 64)
			if err != nil {
				return err
			}
			object["pk"] = "USER#" + object["id"].(string)
			object["tier"] = "standard"
			if balance*1.19 > 12000 {
				object["tier"] = "gold"
			}
			return lines.Encode(object)
		})
	})
}
