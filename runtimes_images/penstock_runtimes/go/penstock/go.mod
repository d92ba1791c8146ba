module penstock.dev/penstock

go 1.21
