package record

// Limits is when a source cuts a batch: at Rows rows or at Bytes bytes of
// values, whichever comes first. Bytes stays far below the 2 GB that the
// 32-bit offsets of an Arrow column can address.
type Limits struct {
	Rows  int
	Bytes int64
}
