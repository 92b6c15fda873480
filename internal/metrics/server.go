package metrics

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dynapipe/dynapipe/engine"
)

// patience is how long the end of a run waits for an answer under way.
const patience = time.Second

// Server answers GET /metrics while a run goes on.
type Server struct {
	listener net.Listener
	http     http.Server
	waiter   sync.WaitGroup
}

// Listen takes the address, so that it is known to be free before anything runs.
func Listen(address string) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Server{listener: l}, nil
}

// Address is where the server listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Serve begins to answer, with the report as it is when it is asked for.
func (s *Server) Serve(report func() *engine.Report, version string, mask func(string) string) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_ = Write(w, report(), version, mask) // whoever asked has gone
	})
	s.http.Handler, s.http.ReadHeaderTimeout = mux, 10*time.Second
	s.waiter.Go(func() { _ = s.http.Serve(s.listener) }) // it ends by Close
}

// Close ends the server, and what it still answers.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = s.http.Close()
	}
	if closed := s.listener.Close(); !errors.Is(closed, net.ErrClosed) { // when nothing was served
		err = errors.Join(err, closed)
	}
	s.waiter.Wait()
	return err
}
