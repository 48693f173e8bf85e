/* SPDX-License-Identifier: MIT */
/* liburcu's QSBR flavour without its header, whose names (rcu_head, ...) are also ours. */
#ifndef RUNTIME_URCU_WRAP_H
#define RUNTIME_URCU_WRAP_H

void qsbr_register_thread(void);
void qsbr_unregister_thread(void);
void qsbr_quiescent_state(void);
void qsbr_thread_offline(void);
void qsbr_thread_online(void);
/* Waits for a grace period; only on a thread that is not registered. */
void qsbr_synchronize(void);

#endif /* RUNTIME_URCU_WRAP_H */
