#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Records a live Linux machine's memory events, with the /proc state before and after, into one
# folder that `kmemlab replay` reads. Needs root. `record.sh --help` lists the options.
#
# The order matters: the lists' start state (zoneinfo) is read when everything is ready, and the
# switch is turned right after it, without a new process in between: a replay starts from there.
# Whatever happens, what was touched is as before at the end. Tracing runs in an instance of its
# own, which is removed; the output folder appears under its name only when it is complete.
set -euo pipefail

usage() {
  cat <<'USAGE'
usage: record.sh [OPTION...] -o DIR [-- COMMAND [ARGUMENT...]]
Records the whole machine while COMMAND runs, or for some seconds, into the new folder DIR.

  -o, --output DIR     folder to make; it must not exist
  -e, --events LIST    of: page, slab, tlb, lock; separated by commas (page)
  -s, --seconds N      without COMMAND: how long; with it: at most so long (5; no limit)
  -b, --buffer-kb N    ring buffer of each CPU in KiB (65536)
  -m, --method NAME    tracefs (text), trace-cmd (trace.dat) or perf (its script's text) (tracefs)
  -p, --prepare CMD    shell command that runs to its end right before the start state is read
  -c, --compress NAME  of the trace: xz, zstd, gzip or none (xz)
  -q, --quiet          print nothing but warnings
  -h, --help           this text

Exit status: 0 recorded (also with lost events, which are warned of); 1 the recording failed; 2 it
could not be started: wrong option, not root, no tracefs, DIR exists; 128 + N ended by signal N, and
then nothing is left behind. COMMAND's own exit status is in DIR/recording.txt.
USAGE
}

# refuse SENTENCE: nothing was touched yet.
refuse() {
  echo "record.sh: $1" >&2
  exit 2
}

die() {
  echo "record.sh: $1" >&2
  exit 1
}

warn() {
  echo "record.sh: warning: $1" >&2
}

# is_number TEXT LOW HIGH
is_number() {
  [[ $1 =~ ^[0-9]{1,9}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3))
}

# ---- options ----

output='' events=page seconds='' buffer_kb=65536 method=tracefs compress=xz prepare='' quiet=''
command=()

need_value() {
  [ "$2" -ge 2 ] || refuse "$1 needs a value; see record.sh --help"
}

while [ $# -gt 0 ]; do
  option=$1
  # --name=value is --name value.
  if [[ $option == --*=* ]]; then
    value=${option#*=}
    option=${option%%=*}
    shift
    set -- "$option" "$value" "$@"
  fi
  case $option in
  -o | --output) need_value "$option" $#; output=$2; shift 2 ;;
  -e | --events) need_value "$option" $#; events=$2; shift 2 ;;
  -s | --seconds) need_value "$option" $#; seconds=$2; shift 2 ;;
  -b | --buffer-kb) need_value "$option" $#; buffer_kb=$2; shift 2 ;;
  -m | --method) need_value "$option" $#; method=$2; shift 2 ;;
  -p | --prepare) need_value "$option" $#; prepare=$2; shift 2 ;;
  -c | --compress) need_value "$option" $#; compress=$2; shift 2 ;;
  -q | --quiet) quiet=1; shift ;;
  -h | --help) usage; exit 0 ;;
  --) shift; command=("$@"); break ;;
  *) refuse "unknown argument '$option'; a command to run stands after --; see record.sh --help" ;;
  esac
done

page_events=(kmem/mm_page_alloc kmem/mm_page_free kmem/mm_page_free_batched
  kmem/mm_page_alloc_zone_locked kmem/mm_page_pcpu_drain kmem/mm_page_alloc_extfrag)
slab_events=(kmem/kmalloc kmem/kfree kmem/kmem_cache_alloc kmem/kmem_cache_free)
tlb_events=(tlb/tlb_flush)
lock_events=(lock/contention_begin lock/contention_end)
states=(zoneinfo vmstat buddyinfo)

wanted=()
choose_events() {
  local name names
  IFS=, read -r -a names <<<"$events"
  for name in "${names[@]}"; do
    case $name in
    page) wanted+=("${page_events[@]}") ;;
    slab) wanted+=("${slab_events[@]}") ;;
    tlb) wanted+=("${tlb_events[@]}") ;;
    lock) wanted+=("${lock_events[@]}") ;;
    *) refuse "--events: '$name' is unknown; give page, slab, tlb, lock or several with commas" ;;
    esac
  done
  [ ${#wanted[@]} -gt 0 ] || refuse "--events: what is to be recorded? give page or slab"
}

[ -n "$output" ] || refuse "which folder shall be made? give --output DIR"
choose_events
[ -z "$seconds" ] || is_number "$seconds" 1 86400 ||
  refuse "--seconds: '$seconds' is not a number from 1 to 86400"
is_number "$buffer_kb" 64 16777216 ||
  refuse "--buffer-kb: '$buffer_kb' is not a number from 64 to 16777216"
case $method in
tracefs | trace-cmd | perf) ;;
*) refuse "--method: '$method' is unknown; give tracefs, trace-cmd or perf" ;;
esac
case $compress in
xz) suffix=.xz packer=(xz -T0 -3 -c) ;;
zstd) suffix=.zst packer=(zstd -q -c) ;;
gzip) suffix=.gz packer=(gzip -c) ;;
none) suffix='' packer=(cat) ;;
*) refuse "--compress: '$compress' is unknown; give xz, zstd, gzip or none" ;;
esac

# ---- what must be there ----

output=${output%/}
parent=$(dirname -- "$output")
{ [ ! -e "$output" ] && [ ! -L "$output" ]; } ||
  refuse "--output: $output exists already; name a folder that does not, or remove it"
{ [ -d "$parent" ] && [ -w "$parent" ]; } ||
  refuse "--output: $parent is no folder that can be written; make it first"
[ "$(id -u)" -eq 0 ] ||
  refuse "only root may trace the whole machine; run it again with: sudo toolchain/record.sh ..."
for tool in "${packer[0]}" $([ "$method" = tracefs ] || echo "$method"); do
  command -v "$tool" >/dev/null ||
    refuse "the program $tool is missing; install it, or choose another --method or --compress"
done
[ ${#command[@]} -eq 0 ] || command -v -- "${command[0]}" >/dev/null ||
  refuse "the command '${command[0]}' is not found"

# KMEMLAB_TRACEFS names another place, for a host that mounts it elsewhere.
tracefs=''
for dir in ${KMEMLAB_TRACEFS:-/sys/kernel/tracing /sys/kernel/debug/tracing}; do
  if [ -d "$dir/instances" ] && [ -d "$dir/events/kmem" ]; then
    tracefs=$dir
    break
  fi
done
[ -n "$tracefs" ] || refuse "tracefs is not mounted (or the kernel has no kmem events); run: \
mount -t tracefs nodev /sys/kernel/tracing"

present=()
for event in "${wanted[@]}"; do
  if [ -d "$tracefs/events/$event" ]; then
    present+=("$event")
  else
    warn "this kernel has no event ${event/\//:}; it is left out"
  fi
done
[ ${#present[@]} -gt 0 ] || refuse "this kernel has none of the events asked for"

nr_cpus=$(getconf _NPROCESSORS_CONF)
available_kb=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
((buffer_kb * nr_cpus <= available_kb / 2)) ||
  refuse "--buffer-kb: $nr_cpus buffers of $buffer_kb KiB are more than half of the available \
memory ($available_kb KiB); give at most $((available_kb / 2 / nr_cpus))"

# ---- undo ----

work='' instance='' child='' sleeper='' perf_pid=''

# end_group PID: ends the job with that number and all that it started.
end_group() {
  kill -TERM -- "-$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

cleanup() {
  local status=$? i
  # A job that is ended before it has become another program is still a copy of this one.
  [ "$BASHPID" -eq $$ ] || return 0
  trap '' INT TERM HUP
  [ -z "$child" ] || end_group "$child"
  [ -z "$sleeper" ] || end_group "$sleeper"
  [ -z "$perf_pid" ] || end_group "$perf_pid"
  if [ -n "$instance" ] && [ -d "$instance" ]; then
    echo 0 >"$instance/tracing_on" || true
    # A reader that is still in there makes the kernel refuse; it goes away within moments.
    for ((i = 0; i < 50; i++)); do
      rmdir "$instance" 2>/dev/null && break
      sleep 0.1
    done
    [ ! -d "$instance" ] || warn "the trace instance $instance could not be removed"
  fi
  [ -z "$work" ] || rm -rf -- "$work"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

work=$(mktemp -d -- "$parent/.record.XXXXXX") || die "no folder could be made in $parent"

# ---- state of the machine ----

declare -A texts
# snapshot WHEN STATE...: reads /proc files with built-in commands only, because a fork moves pages.
snapshot() {
  local when=$1 name lines
  shift
  for name; do
    mapfile lines <"/proc/$name"
    printf -v "texts[$name.$when]" '%s' "${lines[@]}"
  done
}

write_states() {
  local name when
  for name in "${states[@]}"; do
    for when in before after; do
      printf '%s' "${texts[$name.$when]}" >"$1/$name.$when"
    done
  done
}

# ---- the switch: a tracefs instance of its own, or perf started with its events disabled ----

start_tracefs() {
  local event dir=$tracefs/instances/kmemlab-$$
  # Noted before it is made: a signal in between must find it.
  instance=$dir
  mkdir "$dir" || die "no trace instance could be made in $tracefs/instances"
  echo 0 >"$instance/tracing_on"
  echo mono >"$instance/trace_clock"
  echo "$buffer_kb" >"$instance/buffer_size_kb" ||
    die "the kernel gives no buffer of $buffer_kb KiB for each CPU; give a smaller --buffer-kb"
  for event in "${present[@]}"; do
    echo 1 >"$instance/events/$event/enable"
  done
}

start_perf() {
  local event list=() pages=1
  while ((pages * 4 < buffer_kb)); do
    pages=$((pages * 2))
  done
  for event in "${present[@]}"; do
    list+=(-e "${event/\//:}")
  done
  mkfifo "$work/control" "$work/answer"
  exec {control}<>"$work/control" {answers}<>"$work/answer"
  perf record -q -a -k mono -m "$pages" --delay=-1 --control="fd:$control,$answers" \
    -o "$work/perf.data" "${list[@]}" </dev/null >"$work/perf.log" 2>&1 &
  perf_pid=$!
  # It answers commands only when it is ready, so the answer to this one says that it is.
  echo disable >&"$control"
  read -r -t 30 -u "$answers" _ || die "perf does not start: $(tail -n 1 "$work/perf.log")"
}

tell_perf() {
  echo "$1" >&"$control"
  read -r -t 30 -u "$answers" _ || die "perf does not answer: $(tail -n 1 "$work/perf.log")"
}

switch_on() {
  if [ "$method" = perf ]; then
    tell_perf enable
  else
    echo 1 >"$instance/tracing_on"
  fi
}

switch_off() {
  if [ "$method" = perf ]; then
    tell_perf disable
  else
    echo 0 >"$instance/tracing_on"
  fi
}

# ---- what is recorded ----

command_status=''
run_command() {
  local first
  "${command[@]}" </dev/null &
  child=$!
  if [ -n "$seconds" ]; then
    sleep "$seconds" &
    sleeper=$!
    wait -n -p first "$child" "$sleeper" && command_status=0 || command_status=$?
    if [ "$first" = "$sleeper" ]; then
      sleeper='' command_status="stopped after $seconds s"
      return
    fi
    end_group "$sleeper"
    sleeper=''
  else
    wait "$child" && command_status=0 || command_status=$?
  fi
  child=''
}

run_seconds() {
  sleep "${seconds:-5}" &
  sleeper=$!
  wait "$sleeper"
  sleeper=''
}

# ---- reading out ----

lost=0
count_lost() {
  local cpu_dir key value
  for cpu_dir in "$instance"/per_cpu/cpu*; do
    while IFS=': ' read -r key value; do
      case $key in
      overrun | dropped* | commit*) lost=$((lost + ${value##* })) ;;
      esac
    done <"$cpu_dir/stats"
  done
}

read_out() {
  case $method in
  tracefs)
    count_lost
    "${packer[@]}" <"$instance/trace" >"$work/bundle/trace.txt$suffix"
    ;;
  trace-cmd)
    count_lost
    # It always adds the main buffer, of which others may make use; ours is the instance.
    (cd "$work" && trace-cmd extract -B "${instance##*/}" -o trace.dat) >"$work/log" 2>&1 ||
      die "trace-cmd extract failed: $(tail -n 1 "$work/log")"
    mv "$work/trace.dat" "$work/bundle/trace.dat"
    ;;
  perf)
    tell_perf stop
    wait "$perf_pid" || true
    perf_pid=''
    perf script -i "$work/perf.data" --show-lost-events -F comm,tid,cpu,time,event,trace \
      2>"$work/log" | "${packer[@]}" >"$work/bundle/trace.txt$suffix" ||
      die "perf script failed: $(tail -n 1 "$work/log")"
    lost=$(perf script -i "$work/perf.data" --show-lost-events -F comm,tid,cpu,time,event,trace \
      2>/dev/null | awk '/PERF_RECORD_LOST/ { for (i = 1; i < NF; i++)
        if ($i == "lost") { sum += $(i + 1); break } } END { print sum + 0 }')
    ;;
  esac
}

describe() {
  local cache
  cache=$(cat /sys/devices/system/cpu/cpu0/cache/index3/size 2>/dev/null || echo unknown)
  cat <<TEXT
method: $method
events: $events
command: ${command[*]:-none}
command_status: ${command_status:-none}
prepare: ${prepare:-none}
seconds: $elapsed
buffer_kb_per_cpu: $buffer_kb
lost_events: $lost
kernel: $(uname -sr)
cpus: $nr_cpus
last_level_cache: $cache
transparent_hugepage: $(cat /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null || echo none)
percpu_pagelist_high_fraction: $(cat /proc/sys/vm/percpu_pagelist_high_fraction)
stat_interval: $(cat /proc/sys/vm/stat_interval)
TEXT
}

# ---- all together ----

# Jobs get process groups of their own, so that they can be ended with all that they started.
set -m
mkdir "$work/bundle"
if [ "$method" = perf ]; then
  start_perf
else
  start_tracefs
fi
if [ -n "$prepare" ]; then
  sh -c "$prepare" </dev/null &
  child=$!
  wait "$child" || die "the command of --prepare failed with exit status $?"
  child=''
fi
snapshot before vmstat buddyinfo zoneinfo
switch_on
begin=$EPOCHREALTIME
if [ ${#command[@]} -gt 0 ]; then
  run_command
else
  run_seconds
fi
switch_off
end=$EPOCHREALTIME
snapshot after zoneinfo vmstat buddyinfo
if [ -n "$child" ]; then
  end_group "$child"
  child=''
fi
elapsed=$(awk -v b="$begin" -v e="$end" 'BEGIN { printf "%.2f", e - b }')

read_out
write_states "$work/bundle"
describe >"$work/bundle/recording.txt"
chmod -R a+rX "$work/bundle"
mv -T -n -- "$work/bundle" "$output"
[ ! -d "$work/bundle" ] || die "$output was made by somebody else in the meantime"

((lost == 0)) ||
  warn "$lost events were lost: the trace has gaps; record again with a larger --buffer-kb"
[ -z "$quiet" ] || exit 0
echo "$output: $elapsed s, $lost events lost, $(du -sh "$output" | cut -f 1)"
echo "next: kmemlab replay $output"
