/* SPDX-License-Identifier: MIT */
#include "frontend/answer.h"

#include "common/util.h"

/* X(number in the page, our error, errno) */
#define JUDGEMENTS(X)                                                               \
	X(XEN_PCI_ERR_success, XENPCIFRONT_SUCCESS, 0)                              \
	X(XEN_PCI_ERR_dev_not_found, XENPCIFRONT_DEV_NOT_FOUND, ENODEV)             \
	X(XEN_PCI_ERR_invalid_offset, XENPCIFRONT_INVALID_OFFSET, EINVAL)           \
	X(XEN_PCI_ERR_access_denied, XENPCIFRONT_ACCESS_DENIED, EACCES)             \
	X(XEN_PCI_ERR_not_implemented, XENPCIFRONT_NOT_IMPLEMENTED, EOPNOTSUPP)     \
	X(XEN_PCI_ERR_op_failed, XENPCIFRONT_OP_FAILED, EIO)

#define JUDGEMENT_ROW(nr, error, e) { (nr), (error), (e) },
static const struct {
	int32_t err;
	enum xenpcifront_error error;
	int e;
} judgements[] = { JUDGEMENTS(JUDGEMENT_ROW) };

int answer_judge(const struct xen_pci_op *op, struct xenpcifront_answer *answer)
{
	enum xenpcifront_error error = XENPCIFRONT_OTHER_ERROR;
	int e = EREMOTEIO;

	if (op->err == XEN_PCI_ERR_success && !answer)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(judgements); i++) {
		if (judgements[i].err == op->err) {
			error = judgements[i].error;
			e = judgements[i].e;
		}
	}
	if (answer)
		*answer = (struct xenpcifront_answer){
			.error = error, .err = op->err, .value = op->value, .info = op->info,
		};
	return e ? fail(e) : 0;
}

int answer_none(struct xenpcifront_answer *answer)
{
	if (answer)
		*answer = (struct xenpcifront_answer){ .error = XENPCIFRONT_NO_ANSWER };
	return -1;
}

int answer_nonsense(struct xenpcifront_answer *answer)
{
	if (answer)
		answer->error = XENPCIFRONT_NONSENSE;
	return fail(EPROTO);
}
