#include "textflag.h"

// func listen(fd, backlog uint32) int32
TEXT ·listen(SB), NOSPLIT, $0-12
	MOVL	fd+0(FP), BX
	MOVL	backlog+4(FP), CX
	MOVL	$363, AX	// __NR_listen of the 32-bit table
	INT	$0x80
	MOVL	AX, ret+8(FP)
	RET
