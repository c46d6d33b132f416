%% The shapes of Savina's benchmarks on the BEAM. Handler actors become plain
%% processes. A process that loops needs no batches here, because the BEAM
%% interrupts it. The sizes are those of savina.ts.
-module(bench_savina).
-export([run/2]).

-define(RUNS_MAX, 10_000).
-define(PINGS, 40_000).
-define(COUNTING_MESSAGES, 1_000_000).
-define(CREATED_ACTORS, 40_000).
-define(THROUGHPUT_ACTORS, 60).
-define(THROUGHPUT_MESSAGES, 10_000).
-define(THETA, 37.2).
-define(RING_ACTORS, 100).
-define(RING_HOPS, 100_000).
-define(CREATURES, 100).
-define(MEETINGS, 200_000).
-define(BIG_ACTORS, 120).
-define(BIG_PINGS, 20_000).
-define(DICTIONARY_WORKERS, 20).
-define(DICTIONARY_MESSAGES, 10_000).
-define(DICTIONARY_KEYS, 524_288).
-define(WRITES_PERCENT, 10).

run("ping-pong", Plan) ->
    Pings = bench_main:size(Plan, ?PINGS),
    repeat(Plan, 2 * Pings, Pings, fun() -> ping_pong(Pings) end);
run("counting", Plan) ->
    Messages = bench_main:size(Plan, ?COUNTING_MESSAGES),
    repeat(Plan, Messages, Messages, fun() -> counting(Messages) end);
run("fork-join-create", Plan) ->
    Actors = bench_main:size(Plan, ?CREATED_ACTORS),
    repeat(Plan, Actors, Actors, fun() -> create(Actors, ?THETA) end);
run("fork-join-throughput", Plan) ->
    Each = bench_main:size(Plan, ?THROUGHPUT_MESSAGES),
    All = ?THROUGHPUT_ACTORS * Each,
    repeat(Plan, All, All, fun() ->
        throughput(?THROUGHPUT_ACTORS, Each, ?THETA)
    end);
run("thread-ring", Plan) ->
    Hops = bench_main:size(Plan, ?RING_HOPS),
    repeat(Plan, Hops, Hops, fun() -> thread_ring(?RING_ACTORS, Hops) end);
run("chameneos", Plan) ->
    Meetings = bench_main:size(Plan, ?MEETINGS),
    repeat(Plan, Meetings, 2 * Meetings, fun() ->
        chameneos(?CREATURES, Meetings)
    end);
run("big", Plan) ->
    Pings = bench_main:size(Plan, ?BIG_PINGS),
    All = ?BIG_ACTORS * Pings,
    repeat(Plan, 2 * All, All, fun() -> big(?BIG_ACTORS, Pings) end);
run("concurrent-dictionary", Plan) ->
    Messages = bench_main:size(Plan, ?DICTIONARY_MESSAGES),
    Keys = bench_main:size(Plan, ?DICTIONARY_KEYS),
    All = ?DICTIONARY_WORKERS * Messages,
    Server = spawn(fun() ->
        serve(maps:from_list([{Key, Key} || Key <- lists:seq(0, Keys - 1)]))
    end),
    %% It has its map when it answers.
    Server ! {read, self(), 0},
    receive {value, 0} -> ok end,
    repeat(Plan, All, All, fun() ->
        dictionary(Server, Keys, ?DICTIONARY_WORKERS, Messages)
    end).

%% A step is one run, which must come to what is expected.
repeat(Plan, Units, Expected, Once) ->
    bench_main:measure(Plan, ?RUNS_MAX, Units, fun(Count) ->
        [Expected = Once() || _ <- lists:seq(1, Count)]
    end).

told_number() ->
    receive {told, Number} -> Number end.

told_numbers(Count) ->
    lists:sum([told_number() || _ <- lists:seq(1, Count)]).

%% Ping-pong

ping_pong(Pings) ->
    Owner = self(),
    Pong = spawn(fun pong/0),
    spawn(fun() ->
        Pong ! {ping, self()},
        ping(0, Pings, Pong, Owner)
    end),
    told_number().

ping(Before, Pings, Pong, Owner) ->
    receive
        {pong, From} when Before + 1 < Pings ->
            From ! {ping, self()},
            ping(Before + 1, Pings, Pong, Owner);
        {pong, _From} ->
            exit(Pong, shutdown),
            Owner ! {told, Before + 1}
    end.

pong() ->
    receive
        {ping, From} ->
            From ! {pong, self()},
            pong()
    end.

%% Counting

counting(Messages) ->
    Owner = self(),
    Counter = spawn(fun() -> count(0) end),
    spawn(fun() -> increment(Messages, Counter, Owner) end),
    told_number().

count(Total) ->
    receive
        {increment} -> count(Total + 1);
        {retrieve, By} -> By ! {told, Total}
    end.

increment(0, Counter, Owner) ->
    Counter ! {retrieve, Owner};
increment(Left, Counter, Owner) ->
    Counter ! {increment},
    increment(Left - 1, Counter, Owner).

%% Fork-join

create(Actors, Theta) ->
    Before = erlang:system_info(process_count),
    create_all(Actors, Theta),
    bench_main:wait_until_gone(Before),
    Actors - (erlang:system_info(process_count) - Before).

create_all(0, _Theta) ->
    ok;
create_all(Left, Theta) ->
    spawn(fun do_once/0) ! {work, Theta},
    create_all(Left - 1, Theta).

do_once() ->
    receive {work, Theta} -> true = square_of_sine(Theta) >= 0 end.

square_of_sine(Theta) ->
    Sine = math:sin(Theta),
    Sine * Sine.

throughput(Actors, Messages, Theta) ->
    Owner = self(),
    %% Their mailboxes get long where the sender is ahead of them, and the
    %% collector would go over all that is in them again and again.
    Options = [{message_queue_data, off_heap}],
    Workers = [
        spawn_opt(fun() -> work(0, Messages, 0.0, Owner) end, Options)
     || _ <- lists:seq(1, Actors)
    ],
    spawn(fun() -> send_rounds(Messages, Workers, Theta) end),
    told_numbers(Actors).

work(Messages, Messages, Sum, Owner) when Sum > 0 ->
    Owner ! {told, Messages};
work(Done, Messages, Sum, Owner) ->
    receive
        {work, Theta} ->
            work(Done + 1, Messages, Sum + square_of_sine(Theta), Owner)
    end.

send_rounds(0, _Workers, _Theta) ->
    ok;
send_rounds(Left, Workers, Theta) ->
    send_round(Workers, Theta),
    send_rounds(Left - 1, Workers, Theta).

send_round([], _Theta) ->
    ok;
send_round([Worker | Workers], Theta) ->
    Worker ! {work, Theta},
    send_round(Workers, Theta).

%% Thread ring

thread_ring(Actors, Hops) ->
    Owner = self(),
    Last = spawn(fun() ->
        receive {connect, First} -> member(First, 0, Actors, Owner) end
    end),
    First = lists:foldl(
        fun(_, Next) ->
            spawn(fun() -> member(Next, 0, Actors, Owner) end)
        end,
        Last,
        lists:seq(2, Actors)
    ),
    Last ! {connect, First},
    First ! {token, Hops},
    told_number().

member(Next, Hops, Actors, Owner) ->
    receive
        {token, 0} ->
            Next ! {finish, Actors - 1, Hops};
        {token, Left} ->
            Next ! {token, Left - 1},
            member(Next, Hops + 1, Actors, Owner);
        {finish, 1, Before} ->
            Owner ! {told, Before + Hops};
        {finish, Left, Before} ->
            Next ! {finish, Left - 1, Before + Hops}
    end.

%% Chameneos

chameneos(Creatures, Meetings) ->
    Owner = self(),
    Mall = spawn(fun() -> mall(Meetings, none, Creatures, 0, Owner) end),
    [
        spawn(fun() ->
            Mall ! {meet, self(), I rem 3},
            creature(Mall, I rem 3, 0)
        end)
     || I <- lists:seq(0, Creatures - 1)
    ],
    told_number().

mall(_Left, _Waiting, 0, Meetings, Owner) ->
    Owner ! {told, Meetings};
mall(Left, Waiting, Creatures, Meetings, Owner) ->
    receive
        {faded, Own} ->
            mall(Left, Waiting, Creatures - 1, Meetings + Own, Owner);
        {meet, From, _Colour} when Left =:= 0 ->
            From ! {closed},
            mall(Left, Waiting, Creatures, Meetings, Owner);
        {meet, From, _Colour} when Waiting =:= none ->
            mall(Left, From, Creatures, Meetings, Owner);
        {meet, _From, _Colour} = Meet ->
            Waiting ! Meet,
            mall(Left - 1, none, Creatures, Meetings, Owner)
    end.

creature(Mall, Colour, Meetings) ->
    receive
        {meet, From, Other} ->
            New = complement(Colour, Other),
            From ! {change, New},
            Mall ! {meet, self(), New},
            creature(Mall, New, Meetings + 1);
        {change, New} ->
            Mall ! {meet, self(), New},
            creature(Mall, New, Meetings + 1);
        {closed} ->
            Mall ! {faded, Meetings}
    end.

complement(Colour, Colour) -> Colour;
complement(A, B) -> 3 - A - B.

%% Big

big(Actors, Pings) ->
    Owner = self(),
    All = [
        spawn(fun() -> neighbour(Seed, Pings, Owner) end)
     || Seed <- lists:seq(0, Actors - 1)
    ],
    Tuple = list_to_tuple(All),
    [One ! {'begin', Tuple} || One <- All],
    Pongs = told_numbers(Actors),
    [exit(One, shutdown) || One <- All],
    Pongs.

%% Pings may come before the message to begin, and are left until then.
neighbour(Seed, Pings, Owner) ->
    receive
        {'begin', All} -> neighbour(ping_somebody(All, Seed), 0, Pings, All, Owner)
    end.

neighbour(Seed, Pongs, Pings, All, Owner) ->
    receive
        {ping, From} ->
            From ! {pong, self()},
            neighbour(Seed, Pongs, Pings, All, Owner);
        {pong, _From} when Pongs + 1 < Pings ->
            Next = ping_somebody(All, Seed),
            neighbour(Next, Pongs + 1, Pings, All, Owner);
        {pong, _From} ->
            Owner ! {told, Pongs + 1},
            neighbour(Seed, Pongs + 1, Pings, All, Owner)
    end.

ping_somebody(All, Before) ->
    Seed = next_seed(Before),
    element(index_from(Seed, tuple_size(All)) + 1, All) ! {ping, self()},
    Seed.

%% Concurrent dictionary

dictionary(Server, Keys, Workers, Messages) ->
    Owner = self(),
    [
        spawn(fun() -> ask(Server, Keys, Seed, Messages, 0, Owner) end)
     || Seed <- lists:seq(0, Workers - 1)
    ],
    told_numbers(Workers).

serve(Map) ->
    receive
        {read, From, Key} ->
            From ! {value, maps:get(Key, Map, -1)},
            serve(Map);
        {write, From, Key, Value} ->
            From ! {value, Value},
            serve(maps:put(Key, Value, Map))
    end.

ask(_Server, _Keys, _Seed, 0, Right, Owner) ->
    Owner ! {told, Right};
ask(Server, Keys, Before, Left, Right, Owner) ->
    Chance = next_seed(Before),
    Seed = next_seed(Chance),
    Key = index_from(Seed, Keys),
    case index_from(Chance, 100) < ?WRITES_PERCENT of
        true -> Server ! {write, self(), Key, Key + Keys * Left};
        false -> Server ! {read, self(), Key}
    end,
    receive
        {value, Value} when Value rem Keys =:= Key ->
            ask(Server, Keys, Seed, Left - 1, Right + 1, Owner);
        {value, _Other} ->
            ask(Server, Keys, Seed, Left - 1, Right, Owner)
    end.

%% As owner.ts has them.

next_seed(Seed) ->
    (Seed * 1_664_525 + 1_013_904_223) band 16#ffffffff.

index_from(Seed, Length) ->
    (Seed bsr 8) rem Length.
