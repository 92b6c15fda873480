package files

import (
	"errors"
	"fmt"
	"io"

	"github.com/dynapipe/dynapipe/internal/format/stream"
	"github.com/dynapipe/dynapipe/sources"
)

var _ sources.Sampled = (*source)(nil)

// Fleeting is why the rows can be read only once; empty when they stay.
func (in *Input) Fleeting() string {
	listed, err := in.list()
	if err != nil {
		return "" // it is for Open to say
	}
	for _, f := range listed {
		if why := f.Once(); why != "" {
			return fmt.Sprintf("%s is not sampled: %s", f.Name(), why)
		}
	}
	return ""
}

// Share is counted in bytes of the files, as they are stored. Where they are the
// text itself the rows end at a known one; a decompressor has read somewhat
// further.
func (s *source) Share() sources.Share {
	total := stream.Total(s.files)
	share := sources.Share{
		Whole: float64(total), Ended: errors.Is(s.ended, io.EOF),
		By: "by the bytes of the files",
	}
	if total == 0 {
		share.By = "how long the files are is not known"
	}
	for i, f := range s.files {
		switch {
		case i < s.at.File || share.Ended:
			share.Part += float64(f.Size)
		case i > s.at.File || s.at.Mark == nil:
		case s.stored(f):
			share.Part += float64(s.at.Offset)
		default:
			share.Part = max(share.Part, min(float64(s.env.Meter.Snapshot().BytesRead), share.Part+float64(f.Size)))
		}
	}
	return share
}

// stored reports a file whose text is its very bytes.
func (s *source) stored(f stream.File) bool {
	encoding := stream.Encoding(s.input.Encoding)
	return stream.Compression(s.input.Compression).Of(f.Path) == stream.None && (encoding == "" || encoding == stream.UTF8)
}
