package tcp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// certificateName is the DNS name that a process's certificate is for.
func certificateName(process int) string { return fmt.Sprintf("process-%d.timely", process) }

// LoadTLS reads what process index needs of a directory that [MakeCertificates] has
// filled: ca.pem, process-I.pem and process-I-key.pem.
func LoadTLS(dir string, index int) (*tls.Config, error) {
	name := fmt.Sprintf("process-%d", index)
	own, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("comm/tcp: certificate of process %d: %w", index, err)
	}
	path := filepath.Join(dir, "ca.pem")
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("comm/tcp: the cluster's authority: %w", err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("comm/tcp: %s has no certificate", path)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{own},
		RootCAs:      authority,
		ClientCAs:    authority,
	}, nil
}

// tlsConfig returns the configuration of one connection: of its client if it names
// the server.
func (c *Config) tlsConfig(server string) *tls.Config {
	own := c.TLS.Clone()
	own.MinVersion = tls.VersionTLS13
	own.ClientAuth = tls.RequireAndVerifyClientCert
	own.SessionTicketsDisabled = true
	own.InsecureSkipVerify = false
	own.ServerName = server
	return own
}

// checkCertificate says that the other side's certificate is not that of the process.
// That the cluster's authority has signed it was checked before.
func checkCertificate(conn net.Conn, process uint32) error {
	sealed, ok := conn.(*tls.Conn)
	if !ok {
		return nil
	}
	chain := sealed.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return fmt.Errorf("process %d shows no certificate", process)
	}
	if err := chain[0].VerifyHostname(certificateName(int(process))); err != nil {
		return fmt.Errorf("process %d shows a certificate for %q", process, chain[0].DNSNames)
	}
	return nil
}
