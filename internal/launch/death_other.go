//go:build !linux

package launch

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
