# A Go toolchain, which is the context of this build, where the public image has it.
FROM scratch
COPY bin /usr/local/go/bin
COPY lib /usr/local/go/lib
COPY pkg /usr/local/go/pkg
COPY src /usr/local/go/src
COPY VERSION go.env /usr/local/go/
