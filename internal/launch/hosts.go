package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

const (
	maxHostFile = 1 << 20 // bytes
	maxHostLine = 4 << 10

	examplePort = "2101"
)

// ReadHosts reads the host file at a path; see [ParseHosts].
func ReadHosts(path string) ([]string, error) {
	if path == "" {
		return nil, errors.New("the host file has no name: name a file with one host:port a line")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("host file: %w; name a file with one host:port a line", err)
	}
	defer f.Close()
	return ParseHosts(f, path)
}

// ParseHosts reads a host file: one host:port a line, that of process 0 first. Space
// around it, empty lines, and what follows a # are skipped. It returns addresses as
// the whole cluster writes them, however its copies of the file do: in lower case,
// numbers in their shortest form. Errors begin with the file's name and the line.
func ParseHosts(r io.Reader, name string) ([]string, error) {
	limited := &io.LimitedReader{R: r, N: maxHostFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxHostLine)
	var hosts []string
	lineOf := make(map[string]int)
	n := 0
	for lines.Scan() {
		n++
		text := lines.Text()
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff") // the byte order mark of some editors
		}
		text, _, _ = strings.Cut(text, "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		host, err := parseHost(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if first, twice := lineOf[host]; twice {
			return nil, fmt.Errorf("%s:%d: %s is on line %d too: give each process an address of its own", name, n, host, first)
		}
		lineOf[host] = n
		hosts = append(hosts, host)
	}
	switch err := lines.Err(); {
	case limited.N <= 0:
		return nil, fmt.Errorf("%s: longer than 1 MiB: this is no host file; write one host:port a line", name)
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: longer than 4 KiB: write one host:port a line", name, n+1)
	case err != nil:
		return nil, fmt.Errorf("%s: line %d: %w", name, n+1, err)
	case len(hosts) == 0:
		return nil, fmt.Errorf("%s: no address in it: write one host:port a line, that of process 0 first", name)
	}
	return hosts, nil
}

// parseHost returns the address in its one form.
func parseHost(text string) (string, error) {
	if strings.ContainsAny(text, " \t") {
		return "", fmt.Errorf("%.100q: write one host:port a line", text)
	}
	host, port, err := splitHost(text)
	if err != nil {
		return "", err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", fmt.Errorf("%.100q: %.20q is no port: write a number from 1 to 65535", text, port)
	}
	if host, err = canonical(host); err != nil {
		return "", fmt.Errorf("%.100q: %w", text, err)
	}
	return net.JoinHostPort(host, strconv.FormatUint(number, 10)), nil
}

// splitHost says more than net.SplitHostPort does of what it refuses.
func splitHost(text string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(text)
	if err == nil {
		return host, port, nil
	}
	if isName(text) { // or an IPv4 address
		return "", "", fmt.Errorf("%.100q: the port is missing: write %.100s:%s", text, text, examplePort)
	}
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	if ip, err := netip.ParseAddr(bare); err == nil {
		return "", "", fmt.Errorf("%.100q: the port is missing, or the brackets are: write %.100q", text, net.JoinHostPort(ip.String(), examplePort))
	}
	return "", "", fmt.Errorf("%.100q: this is no host:port; an IPv6 address stands in brackets, as in [::1]:%s", text, examplePort)
}

// canonical returns a host in its one form, if peers can reach it by that name.
func canonical(host string) (string, error) {
	if host == "" {
		return "", errors.New("the host is missing: write the one by which the others reach this process")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() || ip.IsMulticast() {
			return "", fmt.Errorf("nobody can connect to %v: write the address by which the others reach this process", ip)
		}
		return ip.Unmap().String(), nil
	}
	if !isName(host) {
		return "", fmt.Errorf("%.100q is neither a name nor an address: a name is made of letters, digits, dots and dashes", host)
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", fmt.Errorf("%.100q is no IPv4 address: write four numbers from 0 to 255", host)
	}
	return strings.ToLower(host), nil
}

// isName reports whether a resolver would look for the name at all.
func isName(host string) bool {
	if len(host) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(host, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			switch {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return true
}
