package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/timely-go/timely"
)

// wordcount counts the words of a generated text, and waits after each batch of
// lines. A few words are frequent and most are not.
func wordcount(b *bench) error {
	lines, size := b.int(0, "lines"), b.int(1, "lines in a batch")
	input := timely.NewInput[timely.Epoch, string]()
	probe := timely.NewProbe[timely.Epoch]()
	counted := 0
	timely.Dataflow(b.Worker, func(s timely.Scope[timely.Epoch]) {
		words := timely.FlatMap(input.Stream(s), strings.FieldsSeq)
		counts := timely.Count(words, timely.HashString)
		added := timely.Inspect(counts, func(c timely.Counted[string]) { counted += c.N })
		timely.ProbeWith(added, probe)
	})
	text := randomText(b.Index())
	mine := b.share(lines)

	b.begin()
	for sent := 0; sent < mine; sent += size {
		for i := range min(size, mine-sent) {
			input.Send(text[(sent+i)%len(text)])
		}
		input.AdvanceTo(input.Time() + 1)
		for probe.LessThan(input.Time()) {
			b.Step()
		}
	}
	input.Close()
	b.await(probe)
	b.end(lines*wordsInLine, mine*wordsInLine)

	if all, want := b.sum(uint64(counted)), uint64(lines*wordsInLine); all != want {
		return fmt.Errorf("%d words were counted, there are %d", all, want)
	}
	return nil
}

const wordsInLine = 10

// randomText returns a thousand lines, the same in each run.
func randomText(worker int) (lines []string) {
	random := rand.New(rand.NewPCG(4, uint64(worker)))
	rank := rand.NewZipf(random, 1.1, 1, 100_000)
	for range 1000 {
		words := make([]string, wordsInLine)
		for i := range words {
			words[i] = "word" + strconv.FormatUint(rank.Uint64(), 36)
		}
		lines = append(lines, strings.Join(words, " "))
	}
	return lines
}
