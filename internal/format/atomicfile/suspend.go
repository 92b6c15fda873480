package atomicfile

import "os"

// Suspend closes the file for a while: it takes no descriptor until Resume.
func (f *File) Suspend() error { return f.rest() }

// Resume opens a suspended file to write on at its end.
func (f *File) Resume() error {
	if err := f.unchanged(); err != nil {
		return err
	}
	file, err := os.OpenFile(f.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	f.File = file
	return nil
}
