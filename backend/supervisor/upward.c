/* SPDX-License-Identifier: MIT */
#include "backend/supervisor/upward.h"

#include "backend/supervisor/aer.h"
#include "backend/supervisor/guest.h"
#include "backend/supervisor/guest_loss.h"
#include "backend/supervisor/recovery.h"
#include "backend/supervisor/wake.h"

const struct upward upward_all = {
	.gate = &service_gate_owner,
	.worker = &service_worker_owner,
	.job = &claim_job_owner,
	.let_go = claim_let_go,
	.gate_answered = wake_gate_answered,
	.worker_answered = wake_worker_answered,
	.gate_died = wake_gate_died,
	.worker_died = wake_worker_died,
	.not_held = guest_gate_refuses,
	.aer_answered = aer_answered,
	.aer_cancel = aer_cancel,
	.leaves = recovery_forget,
	.was_reset = recovery_was_reset,
	.job_done = guests_job_done,
};
