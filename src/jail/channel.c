#include "jail/channel.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool channel_open(int ends[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

bool channel_send(int end, const void *bytes, size_t n, int fd)
{
	struct iovec part = { (void *)(size_t)bytes, n };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t sent;
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(header), &fd, sizeof fd);
	}
	do
		sent = sendmsg(end, &message, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)n;
}

bool channel_receive(int end, void *bytes, size_t n, int *fd)
{
	struct iovec part = { bytes, n };
	union control control = { .bytes = { 0 } };
	struct msghdr message = { .msg_iov = &part,
		                      .msg_iovlen = 1,
		                      .msg_control = fd != NULL ? control.bytes : NULL,
		                      .msg_controllen = fd != NULL ? sizeof control.bytes : 0 };
	ssize_t received;
	if (fd != NULL)
		*fd = -1;
	do
		received = recvmsg(end, &message, MSG_CMSG_CLOEXEC);
	while (received < 0 && errno == EINTR);
	struct cmsghdr *header = received >= 0 && fd != NULL ? CMSG_FIRSTHDR(&message) : NULL;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof *fd))
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	return received == (ssize_t)n;
}

bool channel_wait(int end, double seconds)
{
	double until = clock_seconds() + seconds;
	struct pollfd ready = { .fd = end, .events = POLLIN };
	for (;;) {
		double left = until - clock_seconds();
		/* poll() counts in int milliseconds. */
		int milliseconds = left <= 0 ? 0 : left > 1e6 ? 1000000000 : (int)(1e3 * left) + 1;
		int said = poll(&ready, 1, milliseconds);
		if (said > 0)
			return true;
		if (said == 0)
			errno = ETIMEDOUT;
		if (errno != EINTR)
			return false;
	}
}
