package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// asker asks questions on a terminal, where there is one.
type asker struct {
	*app
	ctx      context.Context // ends with a signal
	terminal bool            // somebody can be asked
	lines    chan string     // what is typed; closed at its end
}

// newAsker can ask when both what is typed and what is shown are a terminal's.
func (a *app) newAsker(ctx context.Context) *asker {
	_, typed := descriptor(a.Stdin)
	_, shown := descriptor(a.Stderr)
	return &asker{app: a, ctx: ctx, terminal: typed && shown}
}

// line asks until there is an answer; the default counts for an empty one.
func (a *asker) line(question, def string) (string, error) {
	if a.lines == nil {
		a.lines = make(chan string)
		// It ends with its terminal or with the process: a read can't be called off.
		go a.read()
	}
	shown := question
	if def != "" {
		shown += " [" + def + "]"
	}
	for {
		fmt.Fprint(a.console, shown+": ")
		select {
		case <-a.ctx.Done():
			fmt.Fprintln(a.console)
			return "", errInterrupted
		case text, ok := <-a.lines:
			switch answer := strings.TrimSpace(text); {
			case !ok:
				fmt.Fprintln(a.console)
				return "", refuse("No answer", "The input ended before the question was answered: %s. Flags can say it, see `dynapipe init --help`.", question)
			case answer != "":
				return answer, nil
			case def != "":
				return def, nil
			}
		}
	}
}

func (a *asker) read() {
	defer close(a.lines)
	for typed := bufio.NewScanner(a.Stdin); typed.Scan(); {
		select {
		case a.lines <- typed.Text():
		case <-a.ctx.Done():
			return
		}
	}
}
