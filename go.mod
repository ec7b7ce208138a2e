module portwatch

go 1.26
