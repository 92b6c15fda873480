package atomicfile

import "os"

// Suspend closes the file for a while: it takes no descriptor until Resume.
func (f *File) Suspend() error { return f.Close() }

// Resume opens a suspended file to write on at its end.
func (f *File) Resume() error {
	file, err := os.OpenFile(f.Name(), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	f.File = file
	return nil
}
