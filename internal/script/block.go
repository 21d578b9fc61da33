package script

import (
	"fmt"
	"strings"
)

// separator stands between what a block's commands are and what they said.
const separator = "----"

// A block is what stands between blank lines of a script.
type block struct {
	line      int      // number of the first line of head
	head      []string // commands and comments as they are written; never blank
	separated bool     // a separator follows head
	output    string   // lines, each ended
}

func isBlank(line string) bool   { return strings.TrimSpace(line) == "" }
func isComment(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), "#") }

// parse returns the blocks of a script.
func parse(path, text string) ([]block, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var blocks []block
	for at := 0; at < len(lines); {
		if isBlank(lines[at]) {
			at++
			continue
		}
		b := block{line: at + 1}
		for ; at < len(lines) && !isBlank(lines[at]) && lines[at] != separator; at++ {
			b.head = append(b.head, lines[at])
		}
		if at < len(lines) && lines[at] == separator {
			b.separated = true
			output, next, ok := parseOutput(lines, at+1)
			if !ok {
				return nil, fmt.Errorf("%s:%d: output begins with a doubled %s and does not end in one", path, at+1, separator)
			}
			b.output, at = output, next
		}
		if err := b.check(path); err != nil {
			return nil, err
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// parseOutput returns the output that begins at lines[at], and the index of
// the first line that is not part of it.
func parseOutput(lines []string, at int) (output string, next int, ok bool) {
	var text strings.Builder
	if at == len(lines) || lines[at] != separator {
		for ; at < len(lines) && !isBlank(lines[at]); at++ {
			text.WriteString(lines[at] + "\n")
		}
		return text.String(), at, true
	}
	for at++; at+1 < len(lines); at++ {
		if lines[at] == separator && lines[at+1] == separator {
			return text.String(), at + 2, true
		}
		text.WriteString(lines[at] + "\n")
	}
	return "", at, false
}

// check finds a block that expects output and has nobody to say it.
func (b *block) check(path string) error {
	if !b.separated {
		return nil
	}
	for _, line := range b.head {
		if !isComment(line) {
			return nil
		}
	}
	return fmt.Errorf("%s:%d: output without a command", path, b.line)
}

// format is the reverse of parse: the script whose blocks these are.
func format(path string, blocks []block) (string, error) {
	var text strings.Builder
	for i, b := range blocks {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(strings.Join(b.head, "\n") + "\n")
		switch {
		case b.output == "" && !b.separated:
		case !b.isDoubled():
			text.WriteString(separator + "\n" + b.output)
		case !b.isWritable():
			return "", fmt.Errorf("%s:%d: output ends in a line %[3]s or has two in a row, which a script cannot hold", path, b.line, separator)
		default:
			double := separator + "\n" + separator + "\n"
			text.WriteString(double + b.output + double)
		}
	}
	return text.String(), nil
}

// isDoubled reports whether the output must stand between doubled separators.
func (b *block) isDoubled() bool {
	for line := range strings.Lines(b.output) {
		if isBlank(line) || line == separator+"\n" {
			return true
		}
	}
	return false
}

// isWritable reports whether the end of the output, between doubled
// separators, would be found again.
func (b *block) isWritable() bool {
	const line = separator + "\n"
	text := "\n" + b.output
	return !strings.HasSuffix(text, "\n"+line) && !strings.Contains(text, "\n"+line+line)
}
