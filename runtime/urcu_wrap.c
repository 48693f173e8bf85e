/* SPDX-License-Identifier: MIT */
/* The only file that includes <urcu*.h>. */
#include <urcu/urcu-qsbr.h>

#include "runtime/urcu_wrap.h"

void qsbr_register_thread(void)
{
	urcu_qsbr_register_thread();
}

void qsbr_unregister_thread(void)
{
	urcu_qsbr_unregister_thread();
}

void qsbr_quiescent_state(void)
{
	urcu_qsbr_quiescent_state();
}

void qsbr_thread_offline(void)
{
	urcu_qsbr_thread_offline();
}

void qsbr_thread_online(void)
{
	urcu_qsbr_thread_online();
}

void qsbr_synchronize(void)
{
	urcu_qsbr_synchronize_rcu();
}
