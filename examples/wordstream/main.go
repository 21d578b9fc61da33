// Wordstream counts the words of standard input, reporting after each line.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/timely-go/timely"
)

func main() { timely.Main(wordstream) }

func wordstream(w *timely.Worker) error {
	input := timely.NewInput[timely.Epoch, string]()
	probe := timely.NewProbe[timely.Epoch]()

	timely.Dataflow(w, func(s timely.Scope[timely.Epoch]) {
		words := timely.FlatMap(input.Stream(s), strings.FieldsSeq)
		counts := countWords(words)
		shown := timely.Inspect(counts, func(c Count) { fmt.Println(c.Word, c.N) })
		timely.ProbeWith(shown, probe)
	})

	if w.Index() != 0 {
		return nil // worker 0 reads the lines; the others serve the dataflow to its end
	}
	lines := bufio.NewScanner(os.Stdin)
	for line := timely.Epoch(0); lines.Scan(); line++ {
		input.Send(lines.Text())
		input.AdvanceTo(line + 1)
		for probe.LessThan(input.Time()) {
			w.Step()
		}
	}
	return lines.Err()
}

// Count is a word and how often it has been seen.
type Count struct {
	Word string
	N    int
}

// countWords reports the running count of each word, once its time is complete.
func countWords[T timely.Timestamp[T]](words timely.Stream[T, string]) timely.Stream[T, Count] {
	counts := make(map[string]int)
	pending := make(map[T][]string) // words whose time is still open
	complete := timely.NewNotificator[T]()

	return timely.Unary(words, timely.ExchangeBy(timely.HashString), "CountWords",
		func(in *timely.InPort[T, string], out *timely.OutPort[T, Count]) {
			for at, batch := range in.Batches() {
				pending[at.Time()] = append(pending[at.Time()], batch...)
				complete.NotifyAt(at)
			}
			for at := range complete.Ready(in.Frontier()) {
				session := out.Session(at)
				for _, word := range pending[at.Time()] {
					counts[word]++
					session.Send(Count{word, counts[word]})
				}
				delete(pending, at.Time())
			}
		})
}
