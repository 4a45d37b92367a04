// Package journal reads and appends the journals of Optuna: files of JSON lines, one an
// operation, that any number of processes on any number of machines append to
// (optuna.storages.journal.JournalFileBackend, format of versions 3.1 to 5.0).
package journal
