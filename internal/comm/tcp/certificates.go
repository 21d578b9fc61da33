package tcp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityYears = 10
	processYears   = 2
)

// MakeCertificates fills a directory with a new authority, ca.pem and ca-key.pem, and a
// certificate and key of each of so many processes, process-I.pem and
// process-I-key.pem. It makes the directory, and overwrites nothing. A process
// needs ca.pem and its own two files, and nobody needs ca-key.pem but who makes more.
func MakeCertificates(dir string, processes int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("comm/tcp: make certificates: %w", err)
	}
	authority, err := makeAuthority(dir)
	for i := 0; i < processes && err == nil; i++ {
		err = authority.issue(dir, i)
	}
	if err != nil {
		return fmt.Errorf("comm/tcp: make certificates: %w", err)
	}
	return nil
}

// issuer signs certificates.
type issuer struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

func makeAuthority(dir string) (*issuer, error) {
	template := newTemplate("timely cluster authority", authorityYears)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true
	template.KeyUsage = x509.KeyUsageCertSign
	template.PermittedDNSDomainsCritical = true
	template.PermittedDNSDomains = []string{"timely"}
	made := &issuer{certificate: template}
	key, der, err := made.sign(template)
	if err != nil {
		return nil, err
	}
	if made.certificate, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	made.key = key
	return made, write(dir, "ca", der, key)
}

// issue makes the certificate and key of one process.
func (a *issuer) issue(dir string, process int) error {
	template := newTemplate(fmt.Sprintf("timely process %d", process), processYears)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	template.DNSNames = []string{certificateName(process)}
	key, der, err := a.sign(template)
	if err != nil {
		return err
	}
	return write(dir, fmt.Sprintf("process-%d", process), der, key)
}

// sign makes a key, and a certificate for it; the issuer's own while it has no key.
func (a *issuer) sign(template *x509.Certificate) (key crypto.Signer, der []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	with := a.key
	if with == nil {
		with = key
	}
	der, err = x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), with)
	return key, der, err
}

func newTemplate(name string, years int) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // the machine has no randomness
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.AddDate(years, 0, 0),
	}
}

// write writes a certificate for all to read, and its key for the owner alone.
func write(dir, name string, der []byte, key crypto.Signer) error {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, name+"-key.pem"), "PRIVATE KEY", secret, 0o600); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, name+".pem"), "CERTIFICATE", der, 0o644)
}

func writePEM(path, kind string, bytes []byte, mode os.FileMode) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	return pem.Encode(file, &pem.Block{Type: kind, Bytes: bytes})
}
