# Copyright (c) 2026 The lifeboat.oom maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.lifeboat.oom.plugins.module_utils._profile.demangled import parse_name

NAMES = {
    "main": "main",
    "malloc@@GLIBC_2.2.5": "malloc",
    "malloc.part.0": "malloc",
    "std::vector<int>::push_back(int&&)": "std::vector::push_back",
    "void std::string<char, std::traits<char> >::_M_build<char const*>(char const*)": "std::string::_M_build",
    "void std::__cxx11::list<>::_M_construct<>(char*, char*)": "std::__cxx11::list::_M_construct",
    "std::shared_ptr<app::X> app::make<app::X>(int)": "app::make",
    "app::X<>*& std::vector<>::emplace_back<>(app::X<>*&&)": "std::vector::emplace_back",
    "std::__cxx11::basic_string<> std::operator+<>(char const*, std::__cxx11::basic_string<>&&)": "std::operator+",
    "bool std::operator< <char>(std::basic_string<char> const&)": "std::operator<",
    "std::ostream<char>& std::operator<< <std::traits<char> >(std::ostream<char>&, int)": "std::operator<<",
    "std::enable_if<>::type std::__invoke_r<>(void*&&, (store::maker()::{lambda(int)#1}&)...)": "std::__invoke_r",
    "std::enable_if<((4ul)>(2ul)), int>::type app::f<4ul>()": "app::f",
    "store::maker()::{lambda(int)#1}::operator()(int) const": "store::maker::{lambda(int)#1}::operator()",
    "store::(anonymous namespace)::hidden(char const*)": "store::(anonymous namespace)::hidden",
    "(anonymous namespace)::hidden(char const*)": "(anonymous namespace)::hidden",
    "std::vector<int>* (anonymous namespace)::hidden<int>(char const*)": "(anonymous namespace)::hidden",
    "void* std::__invoke_impl<>(std::__invoke_other, store::maker()::{lambda(int)#1}&, int&&)": "std::__invoke_impl",
    "std::_Handler<void* (int), app::f()::{lambda(int)#1}>::_M_invoke(std::_Data const&)": "std::_Handler::_M_invoke",
    "operator new(unsigned long)": "operator new",
    "operator new[](unsigned long, std::nothrow_t const&)": "operator new[]",
    "app::Pool::operator new(unsigned long)": "app::Pool::operator new",
    "app::X::operator std::__cxx11::basic_string<char>() const": "app::X::operator std::__cxx11::basic_string<char>",
    "std::optional<int>::operator bool() const": "std::optional::operator bool",
    "store::Pool<>::operator-": "store::Pool::operator-",
    "app::Pool<int>::operator->()": "app::Pool::operator->",
    "app::X::operator<(app::X const&) const": "app::X::operator<",
    "app::X::operator()(std::vector<int>&) const": "app::X::operator()",
    "operator()": "operator()",
    "__invoke_impl<>": "__invoke_impl",
    "void (*app::pick<int>(int))(char)": "app::pick",
    "void (*std::pick<int>(int))(char)": "std::pick",
    "int (&app::arr<int>(int))[3]": "app::arr",
    "void (app::X::*app::member<int>(int))(char)": "app::member",
    "decltype(auto) app::g<int>(int)": "app::g",
    "decltype (((std::declval<app::X&>)()).f()) std::__invoke<app::X>(app::X&&)": "std::__invoke",
    "auto app::f<int>(int) const::{lambda(int)#1}::operator()<int>(int) const": "app::f::{lambda(int)#1}::operator()",
    "app::f[abi:cxx11](int)": "app::f",
    "app::f(int) [clone .cold]": "app::f",
    "non-virtual thunk to app::X::f(std::string)": "app::X::f",
    "app::f(std::string const&)::Local::g()": "app::f::Local::g",
    "std::map<int, std::function<void (int)>, std::less<int> >::operator[](int&&)": "std::map::operator[]",
    "app::run()::'lambda'(int)::operator()(int) const": "app::run::'lambda'::operator()",
    "app::run()::$_0::operator()() const": "app::run::$_0::operator()",
    "std::__1::vector<int, std::__1::allocator<int>>::__push_back(int&&)": "std::__1::vector::__push_back",
    "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone": "alloc::vec::Vec::clone",
    "<app::X as core::clone::Clone>::clone": "app::X::clone",
    "<T as alloc::string::ToString>::to_string": "alloc::string::ToString::to_string",
    "alloc::raw_vec::RawVec<T,A>::reserve::do_reserve": "alloc::raw_vec::RawVec::reserve::do_reserve",
    "alloc::raw_vec::finish_grow::h0123456789abcdef": "alloc::raw_vec::finish_grow",
    "_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..Clone$GT$::clone::h0123456789abcdef": "alloc::vec::Vec::clone",
    "_$LT$app..X$u20$as$u20$core..clone..Clone$GT$::clone::h0123456789abcdef": "app::X::clone",
    "app::main::{{closure}}": "app::main::{{closure}}",
    "<[T] as alloc::borrow::ToOwned>::to_owned": "alloc::borrow::ToOwned::to_owned",
    "<&mut app::W as core::fmt::Write>::write_str": "app::W::write_str",
    "<<app::X as app::Y>::Z as core::fmt::Debug>::fmt": "app::X::Z::fmt",
    "alloc::slice::<impl [T]>::to_vec": "alloc::slice::to_vec",
    "std::unique_ptr<app::X[], std::default_delete<app::X[]> > app::build<&app::X::operator->>(int)": "app::build",
    "unsigned long const* const& std::max<unsigned long>(unsigned long const&)": "std::max",
    "app::X<(app::E)1>::f()": "app::X::f",
    "app::X<(char)60>::f(int (*)(std::string))": "app::X::f",
    "std::vector<std::pair<int, void (*)(app::X)>>& app::T<std::less<>>::all<int>()": "app::T::all",
    'unsigned long app::operator"" _km(unsigned long long)': 'app::operator"" _km',
    "app::X::~X()": "app::X::~X",
    "": "",
    "???": "",
    "::f(int)": "f",
    "bool app::operator==<int>(app::X<int> const&, app::X<int> const&)": "app::operator==",
    "app::Weak app::operator<=><int>(int)": "app::operator<=>",
    "std::string f(int)": "f",
    "void f (int)": "f",
    "app::f<int>(int (*)[3])": "app::f",
    "std::_State<std::_Invoker<std::tuple<app::f()::{lambda()#1}> > >::_M_run()": "std::_State::_M_run",
    "void std::_Destroy<>(app::X*)": "std::_Destroy",
    "const std::string& app::get<int>()": "app::get",
    "typename std::enable_if<true, int>::type app::h<int>()": "app::h",
}


@pytest.mark.parametrize(("text", "name"), NAMES.items(), ids=list(NAMES))
def test_the_qualified_name(text: str, name: str) -> None:
    assert "::".join(parse_name(text).parts) == name


@pytest.mark.parametrize(
    ("text", "crate"),
    [
        ("_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner15try_allocate_inCsduwmD7cSIQq_5gimli", "alloc"),
        ("_RNvCsbFYJioi4cCO_2rs8remember", "rs"),
        ("_RINvMs6_NtCsgvbsrvnw3yD_9hashbrown3rawINtB6_8RawTableTjE14reserve_rehashE", "hashbrown"),
        ("_RNCINvNtCsjrHSEGnQ3l9_3std2rt10lang_startuE0CsbFYJioi4cCO_2rs", "std"),
        ("_RNvXs_NtC5alloc5allocNtB4_6GlobalNtNtC4core5alloc9Allocator8allocate", "alloc"),
    ],
    ids=["inherent", "own", "generic", "closure", "without a hash"],
)
def test_of_a_mangled_name_of_rust_the_crate(text: str, crate: str) -> None:
    assert parse_name(text).parts[0] == crate and not parse_name(text).parameters


@pytest.mark.parametrize(("text", "told"), [("f(int)", True), ("f", False), ("core::f::<fn()>", False)])
def test_whether_parameters_are_told(text: str, told: bool) -> None:
    assert parse_name(text).parameters is told


PIECES = [
    "(*",
    "<",
    "<<A as ",
    "operator<",
    "operator ",
    "[",
    "a::",
    "decltype(",
    "f(int) const::",
    "'",
    "$LT$",
    ">",
    ")",
]


@pytest.mark.parametrize("piece", PIECES)
def test_no_name_takes_long(piece: str) -> None:
    before = time.process_time()
    parse_name(piece * 100_000)
    assert time.process_time() - before < 5


@given(st.lists(st.sampled_from([*PIECES, "std", "::", " ", "*", "&", "{", "}", "]", "$", "_R", "C5"])).map("".join))
@example("_RC5")
@example("_RC0a")
def test_whatever_is_said_has_a_name_or_none(text: str) -> None:
    assert all(parse_name(text).parts)
