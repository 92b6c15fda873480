package dynamo

import (
	"github.com/dynapipe/dynapipe/internal/dynamo/wire"
)

const (
	// headRoom is left before a body for the request's head, to begin with: more
	// is needed with long session tokens.
	headRoom = 768
	// maxKept is how much memory a message may keep for the next one.
	maxKept = 2 << 20
)

// Message is a request's body and its answer, in memory that is used again.
type Message struct {
	client *Client
	text   []byte // room for a head, then the body
	room   int
	head   []byte
	answer wire.Answer
}

// Message is one for a request. Free it when its answer is no longer needed.
func (c *Client) Message() *Message {
	m, ok := c.messages.Get().(*Message)
	if !ok {
		m = &Message{client: c}
	}
	m.room = max(headRoom, int(c.headRoom.Load()))
	if cap(m.text) < m.room {
		m.text = make([]byte, m.room)
	}
	m.text = m.text[:m.room]
	return m
}

// Body is what the body is appended to, and Set takes the result.
func (m *Message) Body() []byte { return m.text }

// Set takes what Body was, and the body after it.
func (m *Message) Set(text []byte) { m.text = text }

// Free gives the memory back, the answer's too.
func (m *Message) Free() {
	if cap(m.text) <= maxKept && cap(m.answer.Body) <= maxKept {
		m.client.messages.Put(m)
	}
}

// body is the request's body.
func (m *Message) body() []byte { return m.text[m.room:] }

// whole is the request with its head, in one piece.
func (m *Message) whole() []byte {
	at := m.room - len(m.head)
	if at < 0 { // the next ones get the room
		m.client.headRoom.Store(int32(len(m.head) + headRoom/2))
		return append(append(make([]byte, 0, len(m.head)+len(m.body())), m.head...), m.body()...)
	}
	copy(m.text[at:], m.head)
	return m.text[at:]
}
